"""Which backups and which WAL a restore uses, and where it will stop: known before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery import lsn
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.restoring.target import Target
from nexus.recovery.restoring.timelines import Leg

SPOOLED = 2 << 30  # bytes of WAL that a server keeps while it replays (max_wal_size)


@dataclass(frozen=True)
class Stop:
    """Where the replay ends: `end`: what lies from the byte `limit` on is not given to the server, as if the
    WAL ended there; `consistent`: as soon as the backup is consistent.
    """

    kind: Literal["end", "consistent"]
    limit: int


@dataclass(frozen=True)
class Reachable:
    """What backups and WAL lead to: every moment from `first` (the end of the oldest backup) to `last` (the
    last thing known to be committed; None where none is known), in seconds since the epoch; with the places
    in the WAL. `holes`: WAL that is missing in between.
    """

    first: float
    last: float | None
    first_lsn: int
    last_lsn: int
    holes: tuple[str, ...] = ()

    def text(self, zone: str) -> str:
        """In words, on the clock of `zone` and in UTC."""
        end = "the end of the WAL" if self.last is None else both(self.last, zone)
        places = f"{lsn.text(self.first_lsn)} to {lsn.text(self.last_lsn)}"
        return f"from {both(self.first, zone)} to {end} ({places})" + "".join(
            f"; {hole}" for hole in self.holes
        )


@dataclass(frozen=True)
class Choice:
    """`chain`: a full backup and the incremental ones on it, to the one that is begun from. `timeline`: the
    one that is followed. `legs`: the WAL that is replayed. `at`: when the last transaction that will be in it
    was committed, as far as it is known, and `last` where that commit begins; `lsn`: the end of what will be
    in it. `future`: the WAL as far as it goes; what lies in it after `lsn` is lost. `notes`: what an operator
    should know.
    """

    target: Target
    chain: tuple[BackupManifest, ...]
    timeline: int
    legs: tuple[Leg, ...]
    stop: Stop
    at: float | None
    lsn: str
    future: tuple[Leg, ...]
    reachable: Reachable
    notes: tuple[Sentence, ...] = ()
    last: int | None = None

    @property
    def backup(self) -> BackupManifest:
        """The one that is begun from."""
        return self.chain[-1]

    @property
    def bytes(self) -> int:
        """How large the files of the chain are."""
        return sum(each.plain for each in self.chain)

    @property
    def wal(self) -> int:
        """Bytes of WAL to replay."""
        return sum(leg.end - leg.start for leg in self.legs)

    @property
    def room(self) -> int:
        """Bytes that a restore needs at most: all may have grown by what the incremental backups hold, and
        one of them lies beside it.
        """
        beside = max((each.plain for each in self.chain[1:]), default=0)
        return self.bytes + beside + min(self.wal, SPOOLED) + self.backup.segment * 4

    def needs(self, name: str) -> bool:
        """Whether a segment of this name is replayed."""
        timeline, size = lsn.timeline(name), self.backup.segment
        begin = lsn.start(name, size)
        return any(
            leg.timeline == timeline and leg.start - leg.start % size <= begin < leg.end for leg in self.legs
        )

    @property
    def exact(self) -> Target:
        """The target that leads to the same again, whatever is committed or archived meanwhile."""
        name = self.backup.id
        if self.stop.kind == "consistent":
            return Target("backup", name=name, backup=name, timeline=self.timeline)
        return Target("lsn", name=self.lsn, backup=name, timeline=self.timeline)

    def reaches(self, zone: str) -> str:
        """Where it will get, in words."""
        if self.at is None:
            return f"{self.lsn} (backup {self.backup.id}, ended {both(self.backup.ended, zone)})"
        return f"{both(self.at, zone)} ({self.lsn})"


def both(at: float, zone: str) -> str:
    """A moment on the clock of `zone`, and in UTC."""
    when = datetime.fromtimestamp(at, UTC)
    local = when.astimezone(ZoneInfo(zone))
    if local.utcoffset() == when.utcoffset():
        return f"{when:%Y-%m-%d %H:%M:%S} UTC"
    same = f"{when:%H:%M:%S}" if local.date() == when.date() else f"{when:%Y-%m-%d %H:%M:%S}"
    return f"{local:%Y-%m-%d %H:%M:%S}{_offset(local)} ({same} UTC)"


def _offset(local: datetime) -> str:
    told = f"{local:%z}"
    return f"{told[:3]}:{told[3:5]}"
