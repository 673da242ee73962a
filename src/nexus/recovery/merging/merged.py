"""What a merge wrote, as plain values and in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Merged:
    """What was written. `kept`: rows that somebody changed after they were compared, or that a trigger kept.
    `broken`: the invariants that are broken by it, which the operator overrode. `differ`: how many of the
    rows written are not as they were then, since triggers had a hand in it. `unasked`: the invariants that
    could be asked neither before nor after.
    """

    back: int
    put: int
    away: int
    kept: int
    broken: tuple[str, ...] = ()
    differ: int = 0
    unasked: tuple[str, ...] = ()

    def sentence(self) -> str:
        """In words."""
        parts = ((self.back, "brought back"), (self.put, "put back"), (self.away, "taken away"))
        told = ", ".join(f"{count} {does}" for count, does in parts if count) or "no row was written"
        if self.kept:
            told += f"; {self.kept} kept: they were changed after they were compared, or a trigger kept them"
        if self.differ:
            told += f"; {self.differ} of them are not as they were then: triggers wrote something else"
        return told
