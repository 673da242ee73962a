"""How far a mirror is, and what is in its way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nexus.recovery import layout
from nexus.recovery.places.backlog import Backlog, Lane


@dataclass(frozen=True)
class Trouble:
    """What failed last, `since` when it has failed without a success (seconds since the epoch), how often."""

    said: str
    since: float
    at: float
    times: int = 1

    @classmethod
    def new(cls, said: str) -> Trouble:
        """The first of its kind."""
        now = time.time()
        return cls(said, now, now)

    def again(self, said: str) -> Trouble:
        """It failed once more."""
        return replace(self, said=said, at=time.time(), times=self.times + 1)


@dataclass(frozen=True)
class MirrorStatus:
    """Of one place. `known`: whether the place could be listed, so that what follows is right.

    `keys`, `bytes`: what it lacks; `wal_keys`, `wal_bytes`: of this, WAL. `oldest`: for how many seconds the
    oldest file it lacks has been in the source; 0: it lacks nothing. `succeeded`: when a file was copied last
    (seconds since the epoch). `error`: what fails now, since `since`, last at `failed`. `refused`: files that
    the place cannot take, and why. `copied`, `copied_bytes`: since the mirror began.
    """

    place: str
    known: bool
    keys: int
    bytes: int
    wal_keys: int
    wal_bytes: int
    oldest: float
    succeeded: float | None
    failed: float | None
    error: str
    since: float | None
    refused: Mapping[str, str]
    copied: int
    copied_bytes: int

    @classmethod
    def of(
        cls,
        place: str,
        backlog: Backlog,
        known: bool,
        troubles: Mapping[Lane, Trouble],
        succeeded: float | None,
        copied: tuple[int, int],
    ) -> MirrorStatus:
        """Puts it together."""
        (keys, size), (wal_keys, wal_size) = backlog.size(), backlog.size(layout.WAL)
        oldest = backlog.oldest()
        trouble = min(troubles.values(), key=lambda each: each.since, default=None)
        return cls(
            place=place,
            known=known,
            keys=keys,
            bytes=size,
            wal_keys=wal_keys,
            wal_bytes=wal_size,
            oldest=0.0 if oldest is None else max(0.0, time.time() - oldest),
            succeeded=succeeded,
            failed=trouble.at if trouble else None,
            error=trouble.said if trouble else "",
            since=trouble.since if trouble else None,
            refused=dict(backlog.refused),
            copied=copied[0],
            copied_bytes=copied[1],
        )
