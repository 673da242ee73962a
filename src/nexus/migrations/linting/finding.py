"""One thing that will hurt, and what to write instead."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """`rule`: its name (squawk's own where it is squawk's). `rewrite`: SQL that reaches the same safely.

    `living`: what the living database says of it, for example that the table has 12 rows. `also`: what squawk
    calls the same. `aside`: why it was set aside ("" = it counts); such a one is a note.
    """

    rule: str
    level: Level
    file: str
    line: int
    sentence: str
    rewrite: str = ""
    living: str = ""
    also: tuple[str, ...] = ()
    aside: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return asdict(self)
