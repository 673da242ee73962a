"""What runs out: the disk, and the WAL that the server keeps for the stream; and when it will be."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from nexus.recovery.streaming.server import Facts
from nexus.recovery.streaming.status import SlotStatus

WINDOW = 600.0  # seconds over which the disk's pace is measured
SOON = 86400.0  # seconds before which it is said
HURRY = 3600.0
_MB = 1 << 20
MORE = 64 * _MB  # free beyond the reserve before receiving goes on


class Disk:
    """The disk that holds what was received and the local place. `free`: bytes; `low`: it is down to its
    `reserve`, and until some more are free.
    """

    def __init__(self, folder: Path, reserve: int) -> None:
        self._folder = folder
        self._reserve = reserve
        self._seen: deque[tuple[float, int]] = deque()
        self.free = 0
        self.low = False

    def look(self, now: float) -> None:
        """Measures. `now`: of CLOCK_MONOTONIC."""
        told = os.statvfs(self._folder)
        self.free = told.f_bavail * told.f_frsize
        self.low = self.free <= self._reserve + (MORE if self.low else 0)
        self._seen.append((now, self.free))
        while now - self._seen[0][0] > WINDOW:
            self._seen.popleft()

    def full_in(self) -> float | None:
        """Seconds until only the reserve is left; None while it does not become less."""
        if not self._seen:
            return None
        (began, most), (ended, least) = self._seen[0], self._seen[-1]
        if self.low:
            return 0.0
        if ended - began < 10.0 or most <= least:
            return None
        return (self.free - self._reserve) / ((most - least) / (ended - began))

    def trouble(self) -> str | None:
        """What is to be said of it."""
        left, reserve = self.full_in(), self._reserve
        if self.low:
            return (
                f"only {self.free // _MB} MB are free on the disk of {self._folder}, and {reserve // _MB} MB "
                "are kept for others (recovery.reserve): nothing is received until there is room; prune "
                "backups with `nexus backup prune`, delete what is not needed, or enlarge the disk"
            )
        if left is not None and left < SOON and self.free < 8 * max(reserve, 1 << 30):
            return f"the disk of {self._folder} is full in about {duration(left)}: {self.free // _MB} MB free"
        return None


def slot_status(facts: Facts, pace: float) -> SlotStatus:
    """The slot. `pace`: bytes of WAL per second."""
    slot = facts.slot
    if slot is None:
        return SlotStatus("missing")
    kept = facts.lsn - slot.restart if slot.restart is not None else 0
    away = facts.sender is None
    lost_in = slot.left / pace if away and slot.left is not None and pace > 0 else None
    return SlotStatus(slot.status or "unknown", max(0, kept), slot.left, lost_in)


def slot_trouble(slot: SlotStatus) -> str | None:
    """What is to be said of the slot."""
    if slot.state == "unreserved" or (slot.lost_in is not None and slot.lost_in < HURRY):
        when = f" in about {duration(slot.lost_in)}" if slot.lost_in is not None else " soon"
        return (
            f"the server keeps {slot.retained // _MB} MB of WAL for the stream and lets go of it{when} "
            "(recovery.slot_limit); then a new full backup is needed. Mend what keeps the stream away"
        )
    return None


def duration(seconds: float) -> str:
    """As people say it: 40 s, 5 min, 3 h."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
