"""How the stream is, as its process writes it down about once a second: `HOME/recovery/stream.json`.

Ages are measured with the clock that no operator sets (CLOCK_MONOTONIC) and with the server's own; times that
people read are in seconds since the epoch. Places in the WAL are written as PostgreSQL writes them.
"""

from __future__ import annotations

import fcntl
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from nexus.recovery.streaming import rooms
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts

STALE_AFTER = 15.0  # seconds without a word
State = Literal["off", "starting", "streaming", "catching up", "away", "refused", "paused", "ended"]


@dataclass(frozen=True)
class Trouble:
    """What is not as it should be. `kind` is its stable name: away, refused, gap, slot, disk, local, place,
    synchronous, kit, backup. `about`: which place. `left`: seconds until it costs something, where that is
    known.
    """

    kind: str
    text: str
    since: float
    about: str = ""
    left: float | None = None


@dataclass(frozen=True)
class PlaceLag:
    """How far a place is. `bytes`: of WAL that it lacks. `seconds`: how much of the latest work would be lost
    if only this place were left, now: its RPO. `keys`: files that are still to be copied.
    """

    name: str
    lsn: str | None
    bytes: int | None
    seconds: float | None
    keys: int = 0
    error: str = ""
    since: float | None = None


@dataclass(frozen=True)
class SlotStatus:
    """The slot on the server. `retained`: bytes of WAL that are kept for it; `left`: bytes until it is lost;
    `lost_in`: seconds until then at the present pace, None while it is not on its way there.
    """

    state: str
    retained: int = 0
    left: int | None = None
    lost_in: float | None = None


@dataclass(frozen=True)
class Gap:
    """WAL that nobody has any more. Times after it can be reached only from a full backup that began after
    `until`.
    """

    timeline: int
    start: str
    until: str
    why: str
    at: float


@dataclass(frozen=True)
class StreamStatus:
    """The stream.

    `server_lsn`: the end of what was durable in the database at `server_at`, by its own clock, in seconds
    since the epoch. `received_lsn`: what is on this machine's disk beside the database. `flushed_lsn`: what
    is known to outlive a loss of power. `sealed_lsn`: what is in the place `local`. `lag_bytes`,
    `lag_seconds`: what would be lost if the database's folder were, now. `synchronous`: the policy;
    `commits_wait`: whether commits wait for the archive now. `full_in`: seconds until the disk is down to its
    reserve, at the present pace. `heard`: when it was written, by CLOCK_MONOTONIC.
    """

    at: float
    heard: float
    pid: int
    state: State
    system: str = ""
    timeline: int = 0
    segment: int = 0
    server_lsn: str | None = None
    server_at: float | None = None
    received_lsn: str | None = None
    flushed_lsn: str | None = None
    sealed_lsn: str | None = None
    lag_bytes: int | None = None
    lag_seconds: float | None = None
    places: tuple[PlaceLag, ...] = ()
    synchronous: str = "off"
    commits_wait: bool = False
    slot: SlotStatus | None = None
    free: int = 0
    reserve: int = 0
    full_in: float | None = None
    gap: Gap | None = None
    troubles: tuple[Trouble, ...] = ()
    alive: bool = field(default=False, compare=False)

    def write(self, path: Path) -> None:
        """Keeps it; readers see the old or the new one, never half."""
        accounts.private_file(path, json.dumps(asdict(self), ensure_ascii=False), None)

    @classmethod
    def read(cls, path: Path) -> StreamStatus:
        """Reads what `write` wrote. Raises OSError, ValueError, TypeError, KeyError."""
        told: dict[str, Any] = json.loads(path.read_text())
        parts = {
            "places": tuple(PlaceLag(**each) for each in told["places"]),
            "troubles": tuple(Trouble(**each) for each in told["troubles"]),
            "slot": SlotStatus(**told["slot"]) if told["slot"] else None,
            "gap": Gap(**told["gap"]) if told["gap"] else None,
        }
        return cls(**{**told, **parts})


def read_status(home: Home) -> StreamStatus | None:
    """How the stream is; None where none ever ran, or where an older Nexus wrote it. `alive`: whether its
    process runs and said so within the last seconds.
    """
    try:
        found = StreamStatus.read(rooms.status(home))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    quiet = time.monotonic() - found.heard
    alive = found.state != "ended" and 0 <= quiet < STALE_AFTER and _held(rooms.lock(home))
    return replace(found, alive=alive)


def _held(path: Path) -> bool:
    """Whether a living process holds the stream's lock."""
    try:
        with path.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
