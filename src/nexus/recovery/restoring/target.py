"""Where a restore is to go, and where it got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Target:
    """`latest`: to the end of the WAL. `time` (`at`, seconds since the epoch): all that was committed until
    then. `point` (`name`): a restore point. `migration` (`name`): just before a migration was applied. `lsn`
    (`name`): all before that byte. `backup` (`name`): as soon as that backup is consistent. `backup` may be
    given with the others too: it is begun from. `timeline`: to be followed; None = the one that was lived
    last.
    """

    kind: Literal["latest", "time", "point", "migration", "lsn", "backup"]
    at: float | None = None
    name: str = ""
    backup: str = ""
    timeline: int | None = None


@dataclass(frozen=True)
class Known:
    """That at `at` (seconds since the epoch) nothing was committed beyond the byte `lsn` of `timeline`: who
    holds the WAL up to there has all that was committed until then.
    """

    at: float
    timeline: int
    lsn: int


@dataclass(frozen=True)
class Reached:
    """Where a restore got. `at`: when the last transaction that is in it was committed, None where none was
    replayed; `lsn`: the end of what was replayed; `timeline`: the new one that begins there; `said`: what
    PostgreSQL said of why it stopped. `fetched`, `verified`, `replayed`: how many seconds each part took;
    `bytes`: how large the backups were; `wal`: bytes of WAL that were replayed.
    """

    backup: str
    at: float | None
    lsn: str
    timeline: int
    said: str
    fetched: float
    replayed: float
    verified: float
    bytes: int
    wal: int = 0
