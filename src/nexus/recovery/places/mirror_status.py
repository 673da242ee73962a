"""How far a mirror is, and what is in its way."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nexus.recovery.places.backlog import Backlog, Lane

LONGEST = 60.0  # seconds


@dataclass(frozen=True)
class Trouble:
    """What failed last, `since` when it has failed without a success (seconds since the epoch), how often."""

    said: str
    since: float
    times: int = 1

    @classmethod
    def new(cls, said: str) -> Trouble:
        """The first of its kind."""
        return cls(said, time.time())

    def again(self, said: str) -> Trouble:
        """It failed once more."""
        return replace(self, said=said, times=self.times + 1)

    def pause(self, first: float) -> float:
        """Seconds until the next try: about `first`, twice that, and so on."""
        return min(LONGEST, first * 2.0 ** min(self.times - 1, 10)) * random.uniform(0.75, 1.0)


@dataclass(frozen=True)
class MirrorStatus:
    """Of one place. `known`: whether it could be listed, so that what follows is right. `keys`: how many
    files it lacks. `error`: what fails now, since `since` (seconds since the epoch). `refused`: files that
    the place cannot take, and why. `copied`: files, since the mirror began.
    """

    known: bool
    keys: int
    error: str
    since: float | None
    refused: Mapping[str, str]
    copied: int

    @classmethod
    def of(cls, backlog: Backlog, known: bool, troubles: Mapping[Lane, Trouble], copied: int) -> MirrorStatus:
        """Puts it together."""
        trouble = min(troubles.values(), key=lambda each: each.since, default=None)
        return cls(
            known,
            len(backlog.keys()),
            trouble.said if trouble else "",
            trouble.since if trouble else None,
            dict(backlog.refused),
            copied,
        )
