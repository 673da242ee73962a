"""How commands on backups end on bad input, and that what they say exists in both languages."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.cli.catalogue import PT_BR
from nexus.control.recovering import alarms, standing

STACK = """\
name: small
infrastructure:
  db: {kind: database, runtime: postgres, port: 9005}
recovery:
  places:
    nas: {kind: directory, path: nas}
"""
TILL = """\
name: till
runtime: command
command: [till]
port: 9001
needs: {hard: [db]}
database: {schema: till}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "nexus.yaml").write_text(STACK)
    (tmp_path / "modules" / "till" / "migrations").mkdir(parents=True)
    (tmp_path / "modules" / "till" / "module.yaml").write_text(TILL)
    return tmp_path


def nexus(root: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "NEXUS_ROOT": str(root), "NEXUS_HOME": str(root / "home"), "NEXUS_LANG": "en"}
    command = [sys.executable, "-m", "nexus", *arguments]
    return subprocess.run(
        command, env=env, input=said, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("backup create --full --incremental", "--full and --incremental exclude each other; name one"),
        ("backup verify one --all", "name backups, or --all"),
        ("backup prune", "nothing was deleted: --plan shows what would be, --yes does it unasked"),
        ("backup prune --json", "nothing was deleted: --plan shows what would be, --yes does it unasked"),
        ("backup list", "this stack has no database yet; start it with `nexus up`"),
        ("backup create", "this stack has no database yet; start it with `nexus up`"),
        ("recovery status", "this stack has no database yet; start it with `nexus up`"),
        ("recovery place check nasa", "nexus.yaml names no place 'nasa' under recovery.places; did you mean"),
        ("recovery place secret nas", "place nas is a folder and needs no secret"),
        ("down --delete-backups", "--delete-backups goes with --delete-data"),
    ],
)
def test_bad_input_ends_with_one_sentence_and_code_2(root: Path, arguments: str, message: str) -> None:
    done = nexus(root, *arguments.split(), said="word\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"nexus: {message}")
    assert not (root / "home" / "control.db").exists()


def kit_of(root: Path) -> Path:
    return root / "home" / "secrets" / "recovery" / "kit"


def test_a_kit_that_could_not_be_shown_does_not_count(root: Path) -> None:
    env = {**os.environ, "NEXUS_ROOT": str(root), "NEXUS_HOME": str(root / "home"), "NEXUS_LANG": "en"}
    command = [sys.executable, "-m", "nexus", "recovery", "kit"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "the kit could not be shown (No space left on device), and none was made" in done.stderr
    assert not kit_of(root).exists()


def test_a_kit_whose_page_could_not_be_written_does_not_count_and_leaves_no_page(root: Path) -> None:
    page = root / "kit.html"
    command = f"ulimit -f 1; exec {sys.executable} -m nexus recovery kit --html {page}"
    env = {**os.environ, "NEXUS_ROOT": str(root), "NEXUS_HOME": str(root / "home"), "NEXUS_LANG": "en"}
    done = subprocess.run(
        ["bash", "-c", command], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{page} cannot be written: File too large" in done.stderr
    assert not page.exists()
    assert not kit_of(root).exists()
    assert nexus(root, "recovery", "kit", "--html", str(page)).returncode == 0
    assert kit_of(root).exists()
    assert page.stat().st_mode & 0o777 == 0o600
    again = nexus(root, "recovery", "kit", "--html", str(page), "--replace")
    assert (again.returncode, page.exists()) == (2, True)


def test_a_stack_without_a_database_has_nothing_to_back_up(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text("name: bare\n")
    done = nexus(tmp_path, "backup", "create")
    assert done.returncode == 2
    assert "this stack has no database: there is nothing to back up" in done.stderr


def test_a_place_can_be_asked_before_there_is_a_database(root: Path) -> None:
    (root / "nas").mkdir()
    done = nexus(root, "recovery", "place", "check", "nas")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("nas can be written and read: 0 whole backups")


def test_every_alarm_and_verdict_is_translated() -> None:
    told = {*sentences(alarms.__file__), *sentences(standing.__file__)}
    assert len(told) > 20
    assert sorted(told - PT_BR.keys()) == []


def sentences(file: str) -> Iterator[str]:
    """All texts with a blank that are given to a call, or kept for one in `text`."""
    for node in ast.walk(ast.parse(Path(file).read_text())):
        values = node.args if isinstance(node, ast.Call) else []
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "text":
            values = [node.value]
        for value in values:
            if isinstance(value, ast.Constant) and " " in str(value.value):
                yield str(value.value)
