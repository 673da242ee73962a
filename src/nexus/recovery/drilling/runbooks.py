"""Runbooks: what stands in `docs/runbooks/NAME.md` is what an operator types, and what the drill executes.

A runbook has one block of commands that is marked so, and no other:

    ```sh drill
    nexus restore --latest --yes
    ```
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nexus.recovery.errors import RecoveryFailed

FOLDER = Path(__file__).parents[4] / "docs" / "runbooks"
SECTIONS = ("Symptoms", "Do this", "What you will see", "How long", "Over when", "Call")
VARIABLES = frozenset(
    {"PLACE", "KEY", "NEW", "BEFORE", "UNTIL", "MODULE", "TABLE", "NEXUS_HOME", "NEXUS_ROOT"}
)
_BLOCK = re.compile(r"^```sh drill\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"\A# (.+)$", re.MULTILINE)
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{?([A-Z_]+)\}?")


@dataclass(frozen=True)
class Runbook:
    """`commands`: one line each, for a POSIX shell; `variables`: what they need to be told first."""

    name: str
    title: str
    commands: tuple[str, ...]
    variables: frozenset[str]

    @property
    def script(self) -> str:
        """The commands as one script, which ends with the first that fails."""
        return "set -eu\n" + "\n".join(self.commands) + "\n"


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The runbooks that there are."""
    return tuple(sorted(each.stem for each in folder.glob("*.md") if each.stem != "README"))


def read_runbook(name: str, folder: Path = FOLDER) -> Runbook:
    """Reads one.

    Raises:
        RecoveryFailed: there is none, or it is not written as runbooks are; says what is missing.
    """
    path = folder / f"{name}.md"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecoveryFailed(f"there is no runbook {path}; there are: {', '.join(names(folder))}") from None
    title, blocks = _TITLE.match(text), _BLOCK.findall(text)
    if title is None:
        raise RecoveryFailed(f"{path}:1: a runbook begins with its title: # …")
    if len(blocks) != 1:
        raise RecoveryFailed(f"{path}: {len(blocks)} blocks are marked ```sh drill; exactly one must be")
    lacking = [each for each in SECTIONS if each not in _SECTION.findall(text)]
    if lacking:
        raise RecoveryFailed(f"{path}: these sections are missing: {', '.join(lacking)}")
    commands = tuple(line for line in blocks[0].splitlines() if line.strip() and not line.startswith("#"))
    variables = frozenset(_VARIABLE.findall(blocks[0]))
    if not commands:
        raise RecoveryFailed(f"{path}: the block marked ```sh drill holds no command")
    if unknown := variables - VARIABLES:
        raise RecoveryFailed(f"{path}: nobody sets {', '.join(sorted(unknown))}")
    return Runbook(name, title[1].strip(), commands, variables)
