"""What was found when a backup was verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["whole", "damaged", "absent", "unreachable"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with one stored file. `key` "" = with the place itself."""

    key: str
    said: str


@dataclass(frozen=True)
class Copy:
    """A backup in one place, with all that it builds on. `absent`: it is not there, or not yet: its manifest
    comes last; `overdue`: it should be there by now.
    """

    place: str
    state: State
    faults: tuple[Fault, ...] = ()
    overdue: bool = False


@dataclass(frozen=True)
class Wal:
    """The WAL from the backup's start on. `consistent`: all that the backup itself needs is there; `until`:
    how far it goes on without a hole; `holes`: where it goes on behind one.
    """

    consistent: bool
    until: str
    holes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """`deep`: every byte was unsealed, and every file compared with PostgreSQL's own list; what that found is
    in `faults`. `bytes`: how many were read.
    """

    backup: str
    deep: bool
    copies: tuple[Copy, ...]
    wal: Wal
    faults: tuple[Fault, ...]
    bytes: int
    seconds: float

    @property
    def restorable(self) -> bool:
        """Whether a restore would go well: a place has all of it, and the WAL it needs is there."""
        whole = any(copy.state == "whole" for copy in self.copies)
        return whole and self.wal.consistent and not self.faults

    @property
    def ok(self) -> bool:
        """Whether nothing at all is wrong. That a place has not got the backup yet is no fault, for a day."""
        wrong = any(copy.state in ("damaged", "unreachable") or copy.overdue for copy in self.copies)
        return self.restorable and not wrong and not self.wal.holes and not self.wal.faults

    @property
    def said(self) -> tuple[str, ...]:
        """Every fault, one a line."""
        lines = [f"{copy.place}: {fault.said}" for copy in self.copies for fault in copy.faults]
        lines += [fault.said for fault in (*self.wal.faults, *self.faults)]
        lines += [f"the WAL has a hole: {hole}" for hole in self.wal.holes]
        if not self.wal.consistent:
            lines.append("the WAL that the backup itself needs is not complete")
        return tuple(lines)
