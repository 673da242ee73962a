"""What surrounds a file while it is read: where paths begin, known variables, faults so far."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nexus.composefile.dotenv import read_dotenv
from nexus.composefile.nodes import Node
from nexus.composefile.places import Fault, Place


@dataclass(frozen=True)
class Variable:
    """One use of a variable in a Compose file.

    `default` is what stands after `:-` or `-`, as written. `source` is the line of the `.env` file that sets
    it; None when the process environment does, or nothing.
    """

    name: str
    at: Place
    field: str
    is_set: bool
    value: str | None
    default: str | None
    required: bool
    source: Place | None


@dataclass
class Scope:
    """One project being read. `base` and `variables` differ between included parts; the rest is shared."""

    base: Path
    variables: Mapping[str, str]
    origins: Mapping[str, Place]
    faults: list[Fault] = field(default_factory=list)
    uses: dict[tuple[str, Place, str], Variable] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def fault(self, at: Place | Node, where: str, what: str, mend: str) -> None:
        """Record a fault."""
        self.faults.append(Fault(at if isinstance(at, Place) else at.at, where, what, mend))

    def within(self, base: Path, env_files: tuple[Path, ...] = ()) -> Scope:
        """Return the scope of an included part: its own paths, and variables that only it knows."""
        variables, origins = add_dotenv(self.variables, self.origins, env_files)
        return Scope(base, variables, origins, self.faults, self.uses, self.files)

    def path(self, text: str) -> str:
        """Return a path of a Compose file as an absolute one."""
        if text == "~" or text.startswith("~/"):
            text = self.variables.get("HOME", "") + text[1:]
        return os.path.normpath(self.base / text)


def add_dotenv(
    variables: Mapping[str, str], origins: Mapping[str, Place], files: tuple[Path, ...]
) -> tuple[dict[str, str], dict[str, Place]]:
    """Add the variables of `.env` files to those known, which stay. Raises ComposeError."""
    added: dict[str, str] = {}
    places: dict[str, Place] = {}
    for file in files:
        for name, entry in read_dotenv(file, {**added, **variables}.get).items():
            if entry.value is not None and name not in variables:
                added[name], places[name] = entry.value, entry.at
    return {**added, **variables}, {**places, **origins}
