"""The relay: carries committed events from the outbox to the module's stream, and again when Redis lost them.

The outbox is the truth. Redis may be emptied, or come back without its last seconds, at any time: before the
relay sends on a new connection, or when the stream is gone, it compares what Redis has with what was
published and sends the difference again; consumers drop what they have handled (inbox). Only the relay
creates the stream (a consumer group on a missing stream waits), so an emptied Redis cannot look like a
healthy one.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from prometheus_client import Counter, Gauge

from nexus_kit.database import Database, is_transient
from nexus_kit.events import cursors
from nexus_kit.events.event import stream_of
from nexus_kit.events.positions import START, Position, acknowledged, last_generated
from nexus_kit.logs import log
from nexus_kit.redis_link import RedisDown, RedisLink, ReplyError
from nexus_kit.tx import Tx

BATCH = 500
POLL_S = 1.0
PACE_S = 0.03
CURSOR_S = 5.0
MAX_STREAM = 200_000

_UNPUBLISHED = """
SELECT seq, id::text, type, entity_id::text, company_id::text, occurred_at, data::text, trace
FROM outbox WHERE published_at IS NULL ORDER BY seq LIMIT $1
"""
_MARK = """
UPDATE outbox SET published_at = now(), stream_ms = s.ms, stream_n = s.n
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS s(seq, ms, n) WHERE outbox.seq = s.seq
"""
_BACKLOG = "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE published_at IS NULL LIMIT 100000) AS waiting"


class Relay:
    """Publishes the outbox of one module. Every instance runs one; a lock lets one work at a time."""

    def __init__(
        self,
        module: str,
        database: Database,
        link: RedisLink,
        sent: Counter,
        backlog: Gauge,
        longest: int = MAX_STREAM,
    ) -> None:
        """``longest``: entries up to which the stream is left as it is."""
        self.stream = stream_of(module)
        self._database = database
        self._link = link
        self._sent = sent
        self._backlog = backlog
        self._longest = longest
        self._wake = asyncio.Event()
        self._verified = False
        self._cursors_at = 0.0
        self.down_since: float | None = None
        self.trouble: str | None = None

    def wake(self) -> None:
        """Publish now instead of at the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled; outlives outages of Redis and PostgreSQL."""
        last = 0.0
        while True:
            if time.monotonic() - last < PACE_S:  # under load: let more events join the batch
                await asyncio.sleep(PACE_S)
            self._wake.clear()
            last = time.monotonic()
            try:
                full = await self._round()
                if self.trouble is not None:
                    log.info("relay works", extra={"stream": self.stream})
                self.trouble = self.down_since = None
                if full:
                    continue
            except (RedisDown, ReplyError) as error:
                self._note(f"redis: {error}")
                self._link.close()
            except Exception as error:  # noqa: BLE001 - the loop must outlive whatever a round meets
                if is_transient(error):
                    self._note(f"database: {error}", redis=False)
                else:
                    log.exception("relay failed", extra={"stream": self.stream})
            try:
                await asyncio.wait_for(self._wake.wait(), POLL_S if self.trouble is None else 0.3)
            except TimeoutError:
                continue

    def _note(self, trouble: str, redis: bool = True) -> None:
        if self.trouble is None:
            log.warning("relay waits", extra={"stream": self.stream, "reason": trouble})
        if redis and self.down_since is None:
            self.down_since = time.monotonic()
        self.trouble = trouble

    async def _round(self) -> bool:
        """Publish one batch. Returns whether there may be more."""
        if not self._link.connected:
            self._verified = False
            await self._link.connect()
        async with self._database.leading("relay") as tx:
            if tx is None:
                await self._link.call("PING")
                return False
            if self._verified:
                full = await self._publish(tx)
                await self._look_after(tx)
                return full or not self._verified
            lost, top = await self._compare(tx)
        if lost:
            await self._create(top)
        self._verified = True
        return True

    async def _compare(self, tx: Tx) -> tuple[bool, Position]:
        """Find out what Redis lost and mark it to be sent again. Returns (stream must be made or moved on,
        highest id).
        """
        last = await last_generated(self._link, self.stream)
        top = await cursors.highest(tx, self.stream)
        if last is not None and last >= top:
            return False, top
        after = min(last, top) if last is not None else await cursors.safe(tx, self.stream)
        again = await cursors.send_again(tx, after)
        if top > START:
            log.warning(
                "redis lost events, sending them again",
                extra={
                    "stream": self.stream,
                    "events": again,
                    "after": str(after),
                    "stream_gone": last is None,
                },
            )
        return True, top

    async def _create(self, top: Position) -> None:
        """Make the stream, once the marks are committed; its ids go on above all earlier ones."""
        group = "nexus:relay"
        for command in (
            ("XGROUP", "CREATE", self.stream, group, "0", "MKSTREAM"),
            ("XGROUP", "DESTROY", self.stream, group),
        ):
            try:
                await self._link.call(*command)
            except ReplyError as error:
                if "BUSYGROUP" not in str(error):
                    raise
        last = await last_generated(self._link, self.stream)
        if last is not None and last < top:
            await self._link.call("XSETID", self.stream, str(top))

    async def _publish(self, tx: Tx) -> bool:
        rows = await tx.fetch(_UNPUBLISHED, BATCH)
        if not rows:
            if not await self._link.call("EXISTS", self.stream):
                self._verified = False
            return False
        replies = await self._link.pipeline([self._entry(row) for row in rows])
        sent: list[tuple[int, int, int]] = []
        for row, reply in zip(rows, replies, strict=True):
            if isinstance(reply, str):
                sent.append((row["seq"], *Position.parse(reply)))
            elif isinstance(reply, ReplyError):
                raise reply
            else:
                self._verified = False
        if sent:
            await tx.execute(_MARK, *zip(*sent, strict=True))
            self._sent.inc(len(sent))
        return len(rows) == BATCH

    def _entry(self, row: Any) -> tuple[str, ...]:
        fields = (
            "id", row["id"], "type", row["type"], "entity", row["entity_id"], "company", row["company_id"],
            "at", row["occurred_at"].isoformat(), "data", row["data"],
        )  # fmt: skip
        trace = ("trace", row["trace"]) if row["trace"] else ()
        return ("XADD", self.stream, "NOMKSTREAM", "*", *fields, *trace)

    async def _look_after(self, tx: Tx) -> None:
        """Every few seconds: remember what is acknowledged, count the backlog, trim what all have handled."""
        if time.monotonic() < self._cursors_at or not self._verified:
            return
        self._cursors_at = time.monotonic() + CURSOR_S
        groups = await acknowledged(self._link, self.stream)
        await cursors.remember(tx, self.stream, groups)
        await cursors.highest(tx, self.stream)
        self._backlog.set(await tx.fetchval(_BACKLOG))
        if groups and await self._link.call("XLEN", self.stream) > self._longest:
            oldest = await cursors.safe(tx, self.stream, living=True)
            await self._link.call("XTRIM", self.stream, "MINID", "~", str(oldest))
