"""Whether commits are to wait for the archive now. Pure but for what it remembers.

`require`: from the first time the archive has caught up, for ever. `prefer`: while it keeps up; after
`patience` seconds without it, commits go on alone, and wait again once it has caught up.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from math import inf

from nexus.postgres.synchronous import names_in
from nexus.recovery.streaming.server import NAME, Facts
from nexus.stack.recovering import RecoveryPolicy

SHORTLY = 5.0  # seconds that are nobody's trouble; without any progress they are, while commits wait


class Synchrony:
    """`waiting`: whether commits wait for the archive, as the server said last."""

    def __init__(self) -> None:
        self._end: float = inf  # of the server's WAL, when it was asked the time before
        self._kept_up: float | None = None
        self._moved: tuple[int | None, float] | None = None  # up to where it was flushed, and since when
        self._alone: float | None = None  # since when commits do not wait though they should
        self.waiting = False

    def decide(self, policy: RecoveryPolicy, facts: Facts, now: float) -> bool | None:
        """Whether commits are to wait from now on; None: as they do. `now`: of CLOCK_MONOTONIC."""
        sender = facts.sender
        streams = sender is not None and sender.state == "streaming"
        keeps_up = sender is not None and streams and sender.flushed >= self._end
        if self._kept_up is None or keeps_up:
            self._kept_up = now
        flushed = sender.flushed if sender is not None else None
        if self._moved is None or keeps_up or (flushed is not None and flushed != self._moved[0]):
            self._moved = (flushed, now)
        self._end = facts.lsn
        self.waiting = NAME in names_in(facts.synchronous)
        if policy.synchronous == "off" or not policy.stream:
            return False if self.waiting else None
        if not self.waiting:
            return True if keeps_up else None
        if policy.synchronous == "prefer" and now - self._kept_up > policy.patience:
            return False
        return None

    def trouble(self, policy: RecoveryPolicy, now: float) -> str | None:
        """What is to be said when commits have not waited for a while though they should, or stand still."""
        if policy.synchronous == "off" or not policy.stream or self.waiting:
            self._alone = None
            return self._standstill(policy, now)
        if self._alone is None:
            self._alone = now
        if now - self._alone < SHORTLY:
            return None
        return (
            "commits do not wait for the archive: it does not keep up (recovery.synchronous: "
            f"{policy.synchronous})"
        )

    def _standstill(self, policy: RecoveryPolicy, now: float) -> str | None:
        if policy.synchronous != "require" or not self.waiting or self._moved is None:
            return None  # with prefer, they go on by themselves
        still = now - self._moved[1]
        if still < SHORTLY:
            return None
        since = datetime.fromtimestamp(time.time() - still, UTC)
        return (
            f"every commit of the business waits since {since:%Y-%m-%d %H:%M:%S} UTC: the archive takes in "
            "nothing. Mend what keeps it from that; to let commits go on without it: "
            "recovery.synchronous: prefer in nexus.yaml, and nexus up"
        )
