"""What stands in a runbook is what the drill types; and what drills say can be said in Portuguese."""

import ast
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

import nexus.control.drilling
import nexus.recovery.drilling
from nexus.cli.main import app
from nexus.recovery.drilling.runbooks import names, read_runbook
from nexus.recovery.drilling.scenarios import SCENARIOS
from nexus.recovery.drilling.words import PT_BR
from nexus.recovery.errors import RecoveryFailed

SECTIONS = "".join(
    f"## {name}\n\n" for name in ("Symptoms", "Do this", "What you will see", "How long", "Over when", "Call")
)


def test_each_scenario_has_its_runbook_and_each_runbook_its_drill() -> None:
    assert set(names()) == set(SCENARIOS)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_runbook_is_written_as_runbooks_are(name: str) -> None:
    found = read_runbook(name)
    assert found.title
    assert found.commands


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_runbooks_commands_are_ones_that_nexus_has(name: str) -> None:
    root = get_command(app)
    for line in read_runbook(name).commands:
        words = [word for word in shlex.split(line) if "=" not in word]
        if words[0] == "nexus":
            assert words[1] in root.commands  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no title\n" + SECTIONS + "```sh drill\nnexus up\n```\n", "title"),
        ("# T\n" + SECTIONS, "0 blocks"),
        ("# T\n" + SECTIONS + "```sh drill\nnexus up\n```\n```sh drill\nnexus up\n```\n", "2 blocks"),
        ("# T\n```sh drill\nnexus up\n```\n", "Symptoms"),
        ("# T\n" + SECTIONS + "```sh drill\n# nothing\n```\n", "no command"),
        ("# T\n" + SECTIONS + '```sh drill\nnexus restore --at "$WHENEVER"\n```\n', "WHENEVER"),
    ],
)
def test_a_runbook_that_is_not_written_so_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "trouble.md").write_text(text)
    with pytest.raises(RecoveryFailed, match=why):
        read_runbook("trouble", tmp_path)


def test_a_runbook_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Other\n")
    with pytest.raises(RecoveryFailed, match="other"):
        read_runbook("trouble", tmp_path)


def test_a_script_ends_with_the_first_command_that_fails(tmp_path: Path) -> None:
    (tmp_path / "two.md").write_text("# T\n" + SECTIONS + "```sh drill\nfalse\necho went on\n```\n")
    assert read_runbook("two", tmp_path).script == "set -eu\nfalse\necho went on\n"


def test_every_text_of_a_finding_has_its_portuguese() -> None:
    texts = {
        text for package in (nexus.control.drilling, nexus.recovery.drilling) for text in _texts(package)
    }
    assert len(texts) > 30
    assert texts - PT_BR.keys() == set()


def _texts(package: object) -> Iterator[str]:
    """The texts that findings are made with: literals, and what a variable `text` holds."""
    folder = Path(package.__path__[0])  # type: ignore[attr-defined]
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Assign) and [ast.unparse(each) for each in node.targets] == ["text"]:
                yield from _literal(node.value)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
                "Finding",
                "finding",
            ):
                yield from (text for each in node.args[2:3] for text in _literal(each))


def _literal(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
