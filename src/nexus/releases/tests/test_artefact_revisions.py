import subprocess
from pathlib import Path

import pytest

from nexus.releases.artefact import ArtefactError, at_revision, service_of, snapshot
from nexus.runtimes.home import Home
from nexus.stack import load_stack


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=ana", "-c", "user.email=ana@example.org", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stack in a folder of a repository, with two revisions and a tag."""
    root = tmp_path / "repository" / "erp"
    (root / "modules/till").mkdir(parents=True)
    (root / "nexus.yaml").write_text("name: shop")
    (root / "modules/till/module.yaml").write_text(
        "{name: till, runtime: command, command: [./run], port: 5003}"
    )
    (root / "modules/till/run").write_text("#!/bin/sh\n")
    (root / "modules/till/run").chmod(0o755)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "repository")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "one")
    git(root, "tag", "v1.0")
    (root / "modules/till/run").write_text("#!/bin/sh\nexit 1\n")
    git(root, "commit", "--quiet", "-am", "two")
    return root


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def test_a_release_knows_its_commit_and_whether_anything_else_was_there(root: Path, home: Home) -> None:
    stack = load_stack(root)
    release = snapshot(stack, stack.service("till"), home, "ana")
    assert (release.commit, release.clean) == (git(root, "rev-parse", "HEAD"), True)
    (root / "modules/till/more").write_text("")
    stack = load_stack(root)
    assert not snapshot(stack, stack.service("till"), home, "ana").clean


def test_what_another_revision_holds_can_be_released_and_leaves_the_working_tree_alone(
    root: Path, home: Home
) -> None:
    (root / "modules/till/run").write_text("#!/bin/sh\nexit 2\n")
    with at_revision(root, "v1.0") as stack:
        release = snapshot(stack, stack.service("till"), home, "ana")
    assert (release.commit, release.clean) == (git(root, "rev-parse", "v1.0^{commit}"), True)
    program = service_of(load_stack(root), release, home).folder / "run"
    assert (program.read_text(), program.stat().st_mode & 0o777) == ("#!/bin/sh\n", 0o555)
    assert git(root, "status", "--porcelain") == "M erp/modules/till/run"
    assert not stack.root.exists()


def test_an_unknown_revision_is_told_with_near_ones(root: Path) -> None:
    with (
        pytest.raises(ArtefactError, match=r"no revision 'v1.1'.*did you mean 'v1.0'"),
        at_revision(root, "v1.1"),
    ):
        pass
    with pytest.raises(ArtefactError, match=r"branches and tags: main, v1.0"), at_revision(root, "--help"):
        pass


def test_without_a_repository_there_are_no_revisions(root: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    (root.parent / "erp").rename(plain)
    with pytest.raises(ArtefactError, match="is in no git repository"), at_revision(plain, "v1.0"):
        pass


def test_a_revision_without_a_readable_stack_is_refused(root: Path) -> None:
    (root / "nexus.yaml").write_text("nothing: true")
    git(root, "commit", "--quiet", "-am", "broken")
    with pytest.raises(ArtefactError, match="revision 'main' holds no stack"), at_revision(root, "main"):
        pass
