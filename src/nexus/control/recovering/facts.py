"""What is known of a stack's backups at one moment: what all judgements are made from.

Times in seconds since the epoch, amounts of time in seconds, sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nexus.control.recovering.runs import Run
from nexus.recovery import lsn
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.restoring.rates import Rates
from nexus.recovery.streaming.status import StreamStatus
from nexus.stack.recovering import RecoveryPolicy

ESTIMATED = Rates()
SKEW = 60.0  # seconds that clocks may differ and be put right by


@dataclass(frozen=True)
class PlaceFacts:
    """One place. `backups`: the whole ones that it has, by id; `behind`: of how many of the latest seconds it
    has nothing (None: not known); `free`: None where it has no end; `trouble`: why it cannot be reached or
    written ("" = it can). `same_disk`: it is a folder on the disk that the stack itself lies on.
    """

    name: str
    kind: str
    backups: tuple[str, ...] = ()
    behind: float | None = None
    free: int | None = None
    trouble: str = ""
    same_disk: bool = False


@dataclass(frozen=True)
class RecoveryFacts:
    """`all_backups`: the whole ones that can be read, oldest first; `unreadable`: id → why another cannot.
    `wal`: bytes of WAL behind the newest backup. `rates`: how fast a restore goes; `measured`: when that was
    measured here (None: never). `growth`: bytes a day that backups grow by (None: not known yet). `kit`: when
    the recovery kit was made. `runs`: the newest of each kind, failed ones among them. `system`: the
    identifier of the present cluster ("" = not known). `serving`: whether the database answers, as far as
    that is known. `damaged`: of each backup whose last verification found a fault, that one. `standby`: as
    `nexus standby status --json` prints it (None: it is not known here).
    """

    now: float
    policy: RecoveryPolicy
    places: tuple[PlaceFacts, ...]
    all_backups: tuple[BackupManifest, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    stream: StreamStatus | None = None
    wal: int = 0
    rates: Rates = ESTIMATED
    measured: float | None = None
    disk_free: int | None = None
    growth: float | None = None
    kit: float | None = None
    runs: tuple[Run, ...] = ()
    system: str = ""
    serving: bool = True
    damaged: tuple[Run, ...] = ()
    standby: Mapping[str, Any] | None = None

    @cached_property
    def backups(self) -> tuple[BackupManifest, ...]:
        """Those of the present cluster: another's restore nothing of what is there today."""
        return tuple(each for each in self.all_backups if self.system in ("", each.system))

    @cached_property
    def dated(self) -> tuple[BackupManifest, ...]:
        """Those whose age is known: not the ones from a time that is still to come."""
        return tuple(each for each in self.backups if not ahead(each, self.now))

    def having(self, backup: str) -> tuple[str, ...]:
        """The places that have a backup whole."""
        return tuple(place.name for place in self.places if backup in place.backups)

    def last(self, *what: str, ok: bool | None = None, state: Collection[str] = ()) -> Run | None:
        """The newest run of some kinds that has ended; `ok`: of those that ended well (or did not); `state`:
        of those that ended so.
        """
        found = [
            run
            for run in self.runs
            if run.what in what and run.ended is not None and ok in (None, run.state == "done")
            if not state or run.state in state
        ]
        return max(found, key=lambda run: run.id, default=None)

    @property
    def gap(self) -> str:
        """Why only a new full backup makes the stream worth something again; "" when it is whole."""
        gap = self.stream.gap if self.stream else None
        if gap is None:
            return ""
        end = (gap.timeline, lsn.parse(gap.until))
        fulls = (each for each in self.backups if each.kind == "full")
        return "" if any(_start(each) >= end for each in fulls) else gap.why

    @property
    def local(self) -> PlaceFacts:
        """The place on this machine."""
        return self.places[0]

    @property
    def others(self) -> tuple[PlaceFacts, ...]:
        """The places beside this machine."""
        return self.places[1:]


def ahead(backup: BackupManifest, now: float) -> bool:
    """Whether a backup is from a time still to come: a clock was wrong, and its age is not known. Pure."""
    return backup.began > now + SKEW


def _start(backup: BackupManifest) -> tuple[int, int]:
    return backup.timeline, lsn.parse(backup.start_lsn)
