"""Watching a primary and its standby on two nodes: whom commits wait for, and when the primary is gone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import asyncpg

from nexus.control.addresses import Refused
from nexus.control.standby.links import Links
from nexus.control.standby.nodes.record import Kept
from nexus.control.standby.nodes.seat import NodeSeat
from nexus.control.standby.nodes.taking_over import mark_left
from nexus.control.standby.watching import REFUSED, UNANSWERED
from nexus.postgres.synchronous import wait_for
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.protocol import StartError
from nexus.standby.replication import Look, look, take_over_duties
from nexus.standby.settings import NAME

log = logging.getLogger("nexus.control")

EVERY = 1.0
ANSWERS_WITHIN = 4.0
ENOUGH = 8  # checks in a row without an answer: longer than the managers need to start it again
PATIENCE = 10.0  # seconds that commits wait for a standby that is away and does not take over by itself
DUTIES_EVERY, MARKS_EVERY = 2.0, 5.0


class Watching:
    """Looks once a second. `fail_over` puts the standby in the primary's place, because of its argument.

    `seen`: the last look (at `seen_at`, monotonic); `away_at`: since when the primary does not answer (Unix
    time; None: it does).
    """

    def __init__(self, seat: NodeSeat, fail_over: Callable[[str], Awaitable[None]]) -> None:
        self._seat = seat
        self._fail_over = fail_over
        self._links = Links()
        self._misses = 0
        self._next = self._duties_at = self._marks_at = 0.0
        self._kept_up_at = time.monotonic()
        self.seen: Look | None = None
        self.seen_at = 0.0
        self.away_at: float | None = None

    async def once(self) -> None:
        """One look, when it is due, and what follows from it."""
        seat, now = self._seat, time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        kept = seat.records.kept
        if not seat.wanted or seat.lock.locked():
            self._forget()
            return
        if any(not each.marked for each in kept.left) and now - self._marks_at > MARKS_EVERY:
            self._marks_at = now
            await mark_left(seat)
        if kept.placed.follower is None or seat.keeper.is_acted_on(seat.database.name):
            self._forget()
            return
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                await self._look(kept.placed.follower.port)
            self._misses, self.away_at = 0, None
        except REFUSED as error:
            log.warning("the primary lives but refuses to be asked: %s", error)
        except UNANSWERED as error:
            await self._links.close()
            says = str(error).splitlines()[0] if isinstance(error, asyncpg.PostgresError) else "no answer"
            await self._missed(says, kept)

    async def close(self) -> None:
        """Closes what it asked over."""
        await self._links.close()

    def last_written(self) -> int | None:
        """How far the primary's WAL went when it was last looked at."""
        return self.seen.written if self.seen else None

    async def _look(self, port: int) -> None:
        seat, now = self._seat, time.monotonic()
        primary = await self._links.to(seat.url())
        seen = await look(primary)
        keeps_up = seen.streams and (self.seen is None or seen.flushed >= self.seen.written)
        self.seen, self.seen_at = seen, now
        if keeps_up:
            self._kept_up_at = now
        await self._agree(seen, keeps_up, primary)
        if seen.streams and now - self._duties_at > DUTIES_EVERY:
            self._duties_at = now
            waits = seat.site.stack.recovery.synchronous == "require"
            await take_over_duties(primary, await self._links.to(seat.url(port)), waits)

    async def _agree(self, seen: Look, keeps_up: bool, primary: asyncpg.Connection[asyncpg.Record]) -> None:
        """Has commits wait for the standby while it keeps up. That they wait no more is noted before it is
        so; where it takes over by itself they always wait, for that alone keeps a primary that is cut off
        from acknowledging what the new one does not have.
        """
        records = self._seat.records
        kept, away = records.kept, time.monotonic() - self._kept_up_at > PATIENCE
        if kept.synchronous and keeps_up:
            if await wait_for(primary, NAME, True):
                log.info("commits wait for the standby")
            elif seen.synchronous:
                records.note(waited_for=True)
        elif not kept.synchronous or (away and not kept.auto):
            records.note(waited_for=False)
            if await wait_for(primary, NAME, False):
                log.warning("commits do not wait for the standby any more")

    async def _missed(self, why: str, kept: Kept) -> None:
        self._misses += 1
        self.away_at = self.away_at or time.time()
        if not kept.auto:
            return
        holder = await self._seat.holder()
        cut_off = not holder.ready if holder is not None else bool(self._seat.holder_id)
        if not cut_off and self._misses < ENOUGH:
            return
        if not kept.waited_for:
            log.error("the primary is away (%s), and commits did not wait for the standby: it stays one", why)
            return
        cause = f"node {holder.host} is down" if holder and cut_off else f"the primary is away: {why}"
        try:
            await self._fail_over(cause)
        except (StartError, Refused, EngineError) as error:
            log.error("the standby did not take over: %s", error)
        self._forget()

    def _forget(self) -> None:
        self._misses, self.away_at = 0, None
