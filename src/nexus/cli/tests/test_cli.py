"""What the command line says, in both languages, and how it ends on bad input."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Formatter

import pytest

from nexus import control
from nexus.cli.catalogue import PT_BR
from nexus.cli.language import __file__ as language_file
from nexus.cli.progress import describe

EMPTY = "{name: empty}\n"


def nexus(root: Path, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "NEXUS_ROOT": str(root), "NEXUS_HOME": str(root / "home"), "NEXUS_LANG": language}
    command = [sys.executable, "-m", "nexus", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "nexus.yaml").write_text(EMPTY)
    return tmp_path


@pytest.mark.parametrize("english", sorted(PT_BR))
def test_a_translation_has_the_same_values_as_its_original(english: str) -> None:
    fields = [
        sorted(name for _, name, _, _ in Formatter().parse(text) if name)
        for text in (english, PT_BR[english])
    ]
    assert fields[0] == fields[1]


def test_a_step_is_described_in_one_line_with_its_error() -> None:
    event = {
        "number": 3,
        "total": 12,
        "action": "start",
        "target": "crm",
        "kind": "failed",
        "seconds": 1.25,
        "error": "crm-1 keeps ending",
    }
    assert describe(event) == "[ 3/12] start crm: failed (1.2 s): crm-1 keeps ending"


def test_a_broken_manifest_is_told_in_a_sentence_by_every_command_that_reads_it(root: Path) -> None:
    (root / "nexus.yaml").write_text("name: [")
    for command in (["status"], ["up", "--plan"], ["down", "--delete-data"], ["dance"]):
        done = nexus(root, *command)
        assert done.returncode == 2, command
        assert "nexus.yaml:1: is not YAML" in done.stderr
        assert "Traceback" not in done.stderr


def test_an_unreadable_state_file_is_told_in_a_sentence(root: Path) -> None:
    (root / "home").mkdir()
    (root / "home" / "control.db").write_text("no database at all\n" * 100)
    done = nexus(root, "status")
    assert done.returncode == 2
    assert done.stderr.startswith(f"nexus: {root / 'home' / 'control.db'} cannot be used")


def test_an_unexpected_error_is_told_in_a_sentence_and_its_details_are_logged(root: Path) -> None:
    (root / "home" / "logs").mkdir(parents=True)
    (root / "home" / "logs" / "crm.log").mkdir()
    done = nexus(root, "logs", "crm")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    log = root / "home" / "logs" / "command.log"
    assert f"details are in {log}" in done.stderr
    assert "IsADirectoryError" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_only_without_a_module_is_refused(root: Path) -> None:
    done = nexus(root, "up", "--plan", "--only", "")
    assert done.returncode == 2
    assert "--only names no module" in done.stderr


def test_an_unknown_command_ends_with_2_and_names_the_known_ones(root: Path) -> None:
    done = nexus(root, "dance")
    assert done.returncode == 2
    assert "unknown command 'dance'; commands: " in done.stderr
    assert "check, contracts, deploy, doctor, down" in done.stderr
    assert "comando desconhecido 'dance'" in nexus(root, "dance", language="pt-BR").stderr


def test_a_wrong_manifest_ends_with_2_and_names_file_and_line(root: Path) -> None:
    (root / "nexus.yaml").write_text("name: shop\nmodulos: {}\n")
    for command in (("up", "--plan"), ("status",)):
        done = nexus(root, *command)
        assert done.returncode == 2, command
        assert f"{root}/nexus.yaml:2: modulos:" in done.stderr


def test_the_status_of_what_never_ran_is_down(root: Path) -> None:
    status = json.loads(nexus(root, "status", "--json").stdout)
    assert (status["stack"], status["ready"]) == ("empty", False)
    assert not (root / "home").exists(), "looking changes nothing"


def test_down_of_what_never_ran_says_so(root: Path) -> None:
    done = nexus(root, "down")
    assert (done.returncode, done.stdout.strip()) == (0, "nothing runs")


def test_check_and_restart_need_a_control_loop(root: Path) -> None:
    for command in (("check",), ("restart", "crm")):
        done = nexus(root, *command)
        assert done.returncode == 2
        assert "start it with `nexus up`" in done.stderr


@pytest.mark.parametrize("which", ["module", "stack"])
def test_schema_prints_a_json_schema(root: Path, which: str) -> None:
    assert json.loads(nexus(root, "schema", which).stdout)["type"] == "object"
    assert nexus(root, "schema", "poem").returncode == 2


def test_doctor_names_each_finding_and_its_mend(root: Path) -> None:
    found = json.loads(nexus(root, "doctor", "--json").stdout)
    names = {finding["name"] for finding in found["findings"]}
    assert {"python", "kernel", "user", "state folder", "disk", "memory", "clock", "locale", "stack"} <= names
    assert all(f["state"] == "ok" or f["mend"] for f in found["findings"])


def test_help_is_quick_to_understand(root: Path) -> None:
    text = nexus(root, "--help").stdout
    for command in ("up", "down", "status", "logs", "doctor", "check", "schema", "test"):
        assert f" {command} " in text


def test_every_text_of_the_command_line_is_translated() -> None:
    told = texts(sorted(Path(language_file).parent.glob("*.py")), "t")
    assert len(told) > 100
    assert sorted(told - PT_BR.keys()) == []


def test_every_refusal_of_a_question_to_telemetry_is_translated() -> None:
    folder = Path(str(control.__file__)).parent
    files = [*sorted((folder / "collector").glob("**/*.py")), folder / "questions.py"]
    told = texts(files, "Misasked") | texts(files, "ControlError")
    assert len(told) > 15
    assert sorted(told - PT_BR.keys()) == []


def texts(files: Iterable[Path], function: str) -> set[str]:
    """What calls of a function say first, themselves or by a constant of one of the files."""
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    constants = {
        target.id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = (
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == function
        and node.args
    )
    said = (each.value if isinstance(each, ast.Constant) else _of(each, constants) for each in calls)
    return {str(text) for text in said if text is not None}


def _of(node: ast.expr, constants: Mapping[str, object]) -> object:
    """What a name or an f-string says; None for what is known at run time only."""
    return ast.unparse(node) if isinstance(node, ast.JoinedStr) else constants.get(ast.unparse(node))
