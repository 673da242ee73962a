"""Where a value stands, and what is wrong there.

ComposeError           one or more faults in a Compose project
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file. `line` counts from 1; 0 means the file as a whole."""

    file: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass(frozen=True, order=True)
class Fault:
    """One fault: where it stands, what is wrong and how to mend it."""

    at: Place
    field: str
    what: str
    mend: str

    def __str__(self) -> str:
        field = f" {self.field}:" if self.field else ""
        return f"{self.at}:{field} {self.what}; {self.mend}"


class ComposeError(ValueError):
    """A Compose project that cannot be read. `faults` lists every fault found, by file and line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def suggest(wrong: str, known: Iterable[str]) -> str:
    """Return a sentence that names the nearest known word, or all of them when none is near."""
    names = sorted(known)
    near = get_close_matches(wrong, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    if len(names) > 12:
        return "remove it, or begin its name with x-"
    return f"known: {', '.join(names)}" if names else "none is known"
