"""Watching primary and standby: how far apart they are, whom commits wait for, and when one has died."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from nexus.control.addresses import Refused
from nexus.control.processes.instance import Instance
from nexus.control.standby.archived import lacking
from nexus.control.standby.keeping import StandingBy
from nexus.control.standby.links import Links
from nexus.control.standby.record import Record
from nexus.control.standby.replica import offer
from nexus.postgres.synchronous import wait_for
from nexus.runtimes.probes import Health
from nexus.runtimes.protocol import StartError
from nexus.standby.replication import Look, look, take_over_duties
from nexus.standby.settings import NAME

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

log = logging.getLogger("nexus.control")

EVERY = 0.5
ANSWERS_WITHIN = 1.0
SURE, SILENT, ENOUGH = 1.0, 0.5, 3.0  # what a refused and an unanswered check weigh, and when it is dead
PATIENCE = 10.0  # seconds that commits wait for a standby that is away
CLOSE = 16 << 20  # bytes of WAL that a standby may be behind to take over by itself
RECENT = 30.0  # seconds that the last look at a standby counts for which commits do not wait
NOTED_EVERY = 10.0  # seconds between two notes that it is still close behind
DUTIES_EVERY = 2.0
# What a server refuses although it is whole: another one with the same data would refuse it, too.
REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientResourcesError)
UNANSWERED = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


LATE = "it may lack what was acknowledged"


def answers(health: Health) -> bool:
    """Whether a primary lives, be it that it refuses whoever asks; one that starts up does not. Pure."""
    return health.ready or (health.live and not health.why.startswith("the database system is"))


class Watching:
    """Looks twice a second. `fail_over` puts the standby in the primary's place, because of its argument.

    `patience`: seconds that commits wait for a standby that is away. `seen`: the last look; `away_since`:
    since when the primary does not answer (monotonic; None: it does).
    """

    def __init__(
        self,
        standing: StandingBy,
        fail_over: Callable[[str, float], Awaitable[None]],
        patience: float = PATIENCE,
    ) -> None:
        self._standing = standing
        self._patience = patience
        self._fail_over = fail_over
        self._links = Links()
        self._weight = 0.0
        self._kept_up_at = time.monotonic()
        self._duties_at = 0.0
        self.seen: Look | None = None
        self.seen_at = 0.0
        self.away_since: float | None = None
        self._covered = False  # whether the standby keeps WAL for the primary's readers
        self._lived_at = 0.0  # until when the primary may have committed something, while it is watched
        self._answers = True

    async def once(self) -> None:
        """One look, and what follows from it."""
        standing = self._standing
        record, primary = standing.records.standby, standing.primary
        if record is None or primary is None or not standing.wanted or standing.lock.locked():
            self._forget()
            self._covered = self._covered and record is not None
            await offer(standing, None)
            return
        if not primary.stays or (primary.failures == 0 and not primary.was_ready):
            self._forget()  # somebody stops or starts it
            return
        why, weight = await self._asked(primary)
        if not why:
            try:
                await self._look(record, primary)
                self._weight, self.away_since = 0.0, None
                self._lived()
                return
            except REFUSED as error:
                self._lived()
                log.warning("the primary lives but refuses to be asked: %s", error)
                return
            except UNANSWERED as error:
                await self._links.close()
                why, weight = (str(error) or type(error).__name__).splitlines()[0], SILENT
        if self._answers:
            self._lived()
            self._answers = False
        self.away_since = self.away_since or time.monotonic()
        self._weight += weight
        if self._weight >= ENOUGH and record.auto:
            await self._take_over(record, why)

    async def close(self) -> None:
        """Closes what it asked over."""
        await self._links.close()

    def last_written(self) -> int | None:
        """How far the primary's WAL went when it was last looked at."""
        return self.seen.written if self.seen else None

    def close_behind(self, record: Record) -> bool:
        """Whether the standby was close behind no long time before the primary died: it lacks little."""
        by_another = self.seen is None  # an earlier control loop looked
        age = time.time() - record.fresh_at if by_another else self._lived_at - self.seen_at
        return record.fresh and 0 <= age <= RECENT

    def _lived(self) -> None:
        self._lived_at, self._answers = time.monotonic(), True

    async def _asked(self, primary: Instance) -> tuple[str, float]:
        """Why the primary is not there ("" where it is), and how sure that is."""
        supervisor = self._standing.keeper.supervisor
        assert supervisor is not None
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                health = await supervisor.prober.health(primary.service, primary.slot.port)
        except TimeoutError:
            return f"no answer within {ANSWERS_WITHIN:g} s", SILENT
        if answers(health):
            return "", 0.0
        return health.why, SURE

    async def _look(self, record: Record, primary: Instance) -> None:
        standing = self._standing
        async with asyncio.timeout(4 * ANSWERS_WITHIN):
            connection = await self._links.to(standing.url(primary.slot.port))
            seen = await look(connection)
            now = time.monotonic()
            keeps_up = seen.streams and (self.seen is None or seen.flushed >= self.seen.written)
            self.seen, self.seen_at = seen, now
            if keeps_up:
                self._kept_up_at = now
            if standing.lock.locked():
                return  # somebody moves the seat, or removes the standby
            async with standing.lock:
                await self._agree(seen, keeps_up, connection)
            await offer(standing, seen)
            if seen.streams and now - self._duties_at > DUTIES_EVERY and standing.records.standby:
                self._duties_at = now
                waits = standing.site.stack.recovery.synchronous == "require"
                standby = await self._links.to(standing.url(record.port))
                self._covered = await take_over_duties(connection, standby, waits)

    async def _agree(self, seen: Look, keeps_up: bool, connection: Connection) -> None:
        """Has commits wait for the standby while it keeps up: it has all that the primary had at the last
        look. A stream alone says nothing: that of a server that hangs stays open for a minute. That commits
        wait no more is noted before it is so.
        """
        present = self._standing.records.standby
        if present is None:
            return
        away = time.monotonic() - self._kept_up_at > self._patience
        if present.synchronous and keeps_up:
            if await wait_for(connection, NAME, True):
                log.info("commits wait for the standby")
            waited = seen.synchronous
        elif (away or not present.synchronous) and (present.waited_for or seen.synchronous):
            self._note(False, present.fresh)
            if await wait_for(connection, NAME, False):
                log.warning("commits do not wait for the standby any more: it does not keep up")
            waited = False
        else:
            if away:
                await wait_for(connection, NAME, False)  # it was asked for, and it never came
            waited = present.waited_for and not away
        self._note(waited, keeps_up and seen.behind <= CLOSE and self._covered)

    def _note(self, waited_for: bool, fresh: bool) -> None:
        present, now = self._standing.records.standby, time.time()
        if present is None:
            return
        at = present.fresh_at
        if fresh and not 0 <= now - at <= NOTED_EVERY:
            at = now
        record = replace(present, waited_for=waited_for, fresh=fresh, fresh_at=at)
        if record != present:
            self._standing.records.standby = record

    async def _take_over(self, record: Record, why: str) -> None:
        since = self.away_since or time.monotonic()
        missing = "" if record.waited_for else LATE
        if missing and self.close_behind(record):
            missing = await lacking(self._standing, record, since)
        if missing:
            log.error(
                "the primary is away (%s), and the standby does not take over: %s; `nexus failover --force` "
                "has it do so",
                why,
                missing,
            )
            self._weight = 0.0
            return
        try:
            await self._fail_over(f"the primary is away: {why}", since)
        except (StartError, Refused) as error:
            log.error("the standby did not take over: %s", error)
        self._forget()

    def _forget(self) -> None:
        self._weight, self.away_since = 0.0, None
