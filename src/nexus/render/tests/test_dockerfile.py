"""Dockerfiles as text: what they say, what their builds may see, and what hadolint says of them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.render.dockerfile import MARK, dockerfiles, probe
from nexus.render.templating import RenderError
from nexus.stack import Stack, load_stack
from nexus.testing import CHECKOUT

BRICK = "name: {name}\nruntime: {runtime}\nport: {port}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stack of one Python and one Node.js brick."""
    (tmp_path / "nexus.yaml").write_text(
        "name: shop\nshared: {python: [kit, requirements/modules.lock]}\n"
        "policies: {images: {source: 'https://code.example/shop', licenses: MIT}}\n"
    )
    (tmp_path / "kit").mkdir()
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/modules.lock").write_text("")
    for name, runtime, port in (("till", "python", 5001), ("board", "node", 5002)):
        folder = tmp_path / "modules" / name
        folder.mkdir(parents=True)
        (folder / "module.yaml").write_text(BRICK.format(name=name, runtime=runtime, port=port))
    with (tmp_path / "modules/board/module.yaml").open("a") as manifest:
        manifest.write("command: [node, dist/main.js]\n")
    return tmp_path


@pytest.fixture
def stack(root: Path) -> Stack:
    return load_stack(root)


def text(stack: Stack, name: str) -> str:
    return dockerfiles(stack)[Path("modules") / name / "Dockerfile"]


def test_each_brick_of_a_language_has_a_dockerfile_and_a_list_of_what_its_build_sees(stack: Stack) -> None:
    assert sorted(map(str, dockerfiles(stack))) == [
        "modules/board/Dockerfile",
        "modules/board/Dockerfile.dockerignore",
        "modules/till/Dockerfile",
        "modules/till/Dockerfile.dockerignore",
    ]
    assert all(each.startswith(MARK) for each in dockerfiles(stack).values())


def test_services_with_official_images_have_none() -> None:
    found = {str(path.parent) for path in dockerfiles(load_stack(CHECKOUT))}
    assert "modules/sales" in found
    assert "modules/gateway" not in found


def test_a_build_sees_nothing_but_the_brick_and_what_its_runtime_shares(stack: Stack) -> None:
    ignore = dockerfiles(stack)[Path("modules/till/Dockerfile.dockerignore")].splitlines()
    assert ignore[1] == "*"
    allowed = [line for line in ignore if line.startswith("!")]
    assert allowed == ["!requirements/modules.lock", "!kit", "!modules/till"]
    assert {"**/tests", "**/.*", "**/__pycache__", "**/node_modules"} < set(ignore)


def test_the_manifests_image_replaces_the_base(root: Path) -> None:
    manifest = root / "modules/till/module.yaml"
    assert "ARG PYTHON_IMAGE=python\nARG PYTHON_TAG=3.11-slim-bookworm\n" in text(load_stack(root), "till")
    manifest.write_text(manifest.read_text() + "image: registry.example:5000/python:3.12\n")
    own = "ARG PYTHON_IMAGE=registry.example:5000/python\nARG PYTHON_TAG=3.12\n"
    assert own in text(load_stack(root), "till")


def test_bricks_share_every_instruction_up_to_their_own_code(root: Path) -> None:
    second = root / "modules/desk"
    second.mkdir()
    (second / "module.yaml").write_text(BRICK.format(name="desk", runtime="python", port=5003))
    stack = load_stack(root)
    till, desk = text(stack, "till").splitlines(), text(stack, "desk").splitlines()
    until = till.index("FROM ${PYTHON_IMAGE}:${PYTHON_TAG} AS brick")
    assert till[1:until] == desk[1:until]
    final = till.index("COPY --link --from=brick /opt/nexus/modules/till /opt/nexus/modules/till")
    assert till[till.index("FROM base") : final] == desk[desk.index("FROM base") : final]


def test_what_changes_with_each_release_comes_after_all_layers(stack: Stack) -> None:
    for name in ("till", "board"):
        lines = text(stack, name).splitlines()
        last = max(i for i, line in enumerate(lines) if line.startswith(("RUN", "COPY", "WORKDIR", "FROM")))
        assert lines.index("ARG RELEASE=dev") > last
        assert all("RELEASE" not in line for line in lines[:last])


def test_an_image_tells_what_it_is(stack: Stack) -> None:
    found = text(stack, "till")
    for label in (
        'title="till"',
        'version="${RELEASE}"',
        'source="https://code.example/shop"',
        'licenses="MIT"',
    ):
        assert f"org.opencontainers.image.{label}" in found


def test_a_title_cannot_break_out_of_its_label(root: Path) -> None:
    manifest = root / "modules/till/module.yaml"
    manifest.write_text(manifest.read_text() + "title: 'a \"b\" $HOME'\n")
    assert 'title="a \\"b\\" \\$HOME" \\' in text(load_stack(root), "till")


@pytest.mark.parametrize("name", ["till", "board"])
def test_an_instance_runs_without_privileges_and_hears_sigterm(stack: Stack, name: str) -> None:
    lines = text(stack, name).splitlines()
    assert "USER 10001:10001" in lines
    assert "STOPSIGNAL SIGTERM" in lines
    (command,) = [line for line in lines if line.startswith("CMD ")]
    assert command.startswith('CMD ["')


def test_health_is_asked_by_the_kit_or_else_without_it(root: Path) -> None:
    stack = load_stack(root)
    assert probe(stack, stack.service("till"), "startup")[-2:] == (
        "/opt/nexus/kit/nexus_kit/probe.py",
        "startup",
    )
    assert probe(stack, stack.service("board"))[0] == "node"
    bare = replace(stack.service("till"), shared=())
    assert "urlopen" in probe(stack, bare)[-1]


def test_a_stack_without_a_lock_installs_nothing(root: Path) -> None:
    (root / "nexus.yaml").write_text("name: shop\n")
    found = text(load_stack(root), "till")
    assert "pip install" not in found
    assert "/opt/packages" not in found


def test_what_a_dockerfile_cannot_hold_is_refused(root: Path) -> None:
    manifest = root / "modules/till/module.yaml"
    manifest.write_text(manifest.read_text() + "image: 'a b'\n")
    with pytest.raises(RenderError, match="'a b' has characters"):
        dockerfiles(load_stack(root))


def test_rendered_dockerfiles_are_clean(stack: Stack, tmp_path: Path) -> None:
    files: list[Path] = []
    for found in (stack, load_stack(CHECKOUT)):
        for path, content in dockerfiles(found).items():
            if path.name == "Dockerfile":
                file = tmp_path / f"{len(files)}.Dockerfile"
                file.write_text(content)
                files.append(file)
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_committed_dockerfiles_are_what_the_manifests_say() -> None:
    for path, content in dockerfiles(load_stack(CHECKOUT)).items():
        there = (CHECKOUT / path).read_text()
        assert there == content or not there.startswith(MARK), f"{path}: render it anew"
