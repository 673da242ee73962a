"""The consumer: reads the streams of other modules as a member of this module's group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from prometheus_client import Counter

from nexus_kit.database import Database
from nexus_kit.events.event import Event, Handlers, stream_of
from nexus_kit.events.schedule import Item
from nexus_kit.events.work import Work
from nexus_kit.logs import log
from nexus_kit.redis_link import RedisDown, RedisLink, ReplyError

COUNT = 200
BLOCK_MS = 2000
PACE_S = 0.05
JOIN_EVERY_S = 1.0
IDLE_MS = 10_000
CLAIM_EVERY_S = 5.0
CLAIM_CHUNK = 500
SUSPECT_DELIVERIES = 5
MAX_DELIVERIES = 20

Entry = tuple[str, str, list[str] | None]


class Consumer:
    """Reads and hands over to ``Work``; takes over what dead instances left unacknowledged."""

    def __init__(
        self,
        group: str,
        name: str,
        database: Database,
        link: Callable[[str], RedisLink],
        handlers: Handlers,
        handled: Counter,
    ) -> None:
        """``group`` the consuming module, ``name`` this instance, ``handled`` a counter by module, type,
        outcome.
        """
        self._group = group
        self._name = name
        self._handlers = handlers
        self._handled = handled
        self._reading = link("events")
        self._commands = link("acks")
        self._modules = {stream_of(module): module for module, _ in handlers}
        self._stopping = asyncio.Event()
        self._work = Work(database, handlers, handled, self._acknowledge, self._stopping)

    async def run(self) -> None:
        """Consume until ``stop``; outlives outages of Redis and PostgreSQL."""
        await asyncio.gather(
            self._forever("reader", self._reading, self._read),
            self._forever("retries", None, self._work.retry_due),
            self._forever("claims", self._commands, self._claim),
        )

    async def stop(self, grace: float) -> None:
        """Take no more events and finish those in hand, at most ``grace`` seconds long."""
        self._stopping.set()
        await self._work.finish(grace)
        self._reading.close()
        self._commands.close()

    async def _forever(self, name: str, link: RedisLink | None, work: Callable[[], Awaitable[None]]) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            try:
                if link is not None:
                    await link.connect()
                await self._until_stop(work())
                pause = 0.1
            except (RedisDown, ReplyError) as error:
                if self._stopping.is_set():
                    return
                if pause == 0.1:
                    log.warning(f"event {name} wait for redis", extra={"reason": str(error)})
                if link is not None and isinstance(error, RedisDown):
                    link.close()
                pause = min(pause * 2, 1.0)
                await self._sleep(pause)
            except Exception:  # noqa: BLE001 - the loop must outlive whatever a round meets
                log.exception(f"event {name} failed")
                await self._sleep(1.0)

    async def _until_stop(self, work: Awaitable[None]) -> None:
        """Run ``work``, leaving it when the module stops. Units run in tasks of their own and are not cut."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            for each in (task, stopping):
                each.cancel()
            await asyncio.gather(task, stopping, return_exceptions=True)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _read(self) -> None:
        """Join the groups, take up what this instance had in hand before, then read what is new."""
        missing = set(self._modules)
        present: list[str] = []
        join_at = last = 0.0
        while True:
            if missing and time.monotonic() >= join_at:
                joined = await self._join(missing)
                await self._resume(joined)
                present += joined
                missing -= set(joined)
                join_at = time.monotonic() + JOIN_EVERY_S
            if not present:
                await self._sleep(JOIN_EVERY_S)
                continue
            try:
                entries = await self._fetch(present, ">", int(JOIN_EVERY_S * 1000) if missing else BLOCK_MS)
            except ReplyError as error:
                if "NOGROUP" in str(error):
                    return  # a stream is gone: begin anew
                raise
            if not entries:
                continue
            busy = time.monotonic() - last < PACE_S
            last = time.monotonic()
            await self._take(entries)
            if busy:  # under load a moment's patience turns several small transactions into one
                await self._sleep(PACE_S)

    async def _join(self, streams: Iterable[str]) -> list[str]:
        """Make sure the group exists on ``streams``; returns those that exist. The relay of a module makes
        its own.
        """
        present: list[str] = []
        for stream in sorted(streams):
            try:
                await self._reading.call("XGROUP", "CREATE", stream, self._group, "0")
                log.info("consumer group made", extra={"stream": stream, "group": self._group})
            except ReplyError as error:
                if "requires the key to exist" in str(error):
                    continue
                if "BUSYGROUP" not in str(error):
                    raise
            present.append(stream)
        return present

    async def _resume(self, streams: Iterable[str]) -> None:
        """Handle what was delivered to this instance and never acknowledged."""
        for stream in streams:
            after = "0"
            while entries := await self._fetch([stream], after, None):
                after = entries[-1][1]
                await self._take_again(stream, entries)

    async def _fetch(self, streams: list[str], after: str, block_ms: int | None) -> list[Entry]:
        blocking = ("BLOCK", block_ms) if block_ms is not None else ()
        reply = await self._reading.call(
            "XREADGROUP", "GROUP", self._group, self._name, "COUNT", COUNT, *blocking,
            "STREAMS", *streams, *(after for _ in streams),
            timeout=(block_ms or 0) / 1000 + 5,
        )  # fmt: skip
        return [(stream, entry_id, fields) for stream, entries in reply or () for entry_id, fields in entries]

    async def _take(self, entries: list[Entry]) -> None:
        """Have entries handled."""
        tasks = self._work.start(await self._acceptable(entries))
        if tasks:
            await asyncio.wait(tasks)

    async def _acceptable(self, entries: list[Entry]) -> list[Item]:
        """The entries to handle that are not in hand; those without a handler are acknowledged."""
        items: list[Item] = []
        idle: dict[str, list[str]] = {}
        for stream, entry_id, fields in entries:
            if self._work.holds(stream, entry_id):
                continue
            event = self._parse(stream, entry_id, fields)
            if event is None or (event.module, event.type) not in self._handlers:
                idle.setdefault(stream, []).append(entry_id)
            else:
                items.append(Item(stream, entry_id, event))
        for stream, ids in idle.items():
            await self._acknowledge(stream, ids)
        return items

    async def _take_again(self, stream: str, entries: list[Entry]) -> None:
        """Have entries handled that were delivered before.

        One that came often may be what ended the process each time. Those are tried alone, the least
        delivered first, and only what is tried keeps its count: so the culprit falls behind the innocent ones
        that were in hand with it, and is put aside in the end.
        """
        counts = await self._deliveries(stream, [entry_id for _, entry_id, _ in entries])
        suspects = sorted(
            (entry for entry in entries if counts.get(entry[1], 0) >= SUSPECT_DELIVERIES),
            key=lambda entry: counts[entry[1]],
        )
        await self._take([entry for entry in entries if entry not in suspects])
        await self._count(stream, {entry_id: counts[entry_id] - 1 for _, entry_id, _ in suspects})
        for entry in suspects:
            count = counts[entry[1]]
            await self._count(stream, {entry[1]: count})
            if count <= MAX_DELIVERIES:
                await self._take([entry])
            elif items := await self._acceptable([entry]):
                await self._work.give_up(items[0], count - 1)

    async def _deliveries(self, stream: str, ids: list[str]) -> dict[str, int]:
        """How often each of the pending entries was delivered."""
        await self._commands.connect()
        replies = await self._commands.pipeline(
            [("XPENDING", stream, self._group, entry_id, entry_id, 1) for entry_id in ids]
        )
        rows = [row for reply in replies if not isinstance(reply, ReplyError) for row in reply]
        return {entry_id: count for entry_id, _, _, count in rows}

    async def _count(self, stream: str, counts: dict[str, int]) -> None:
        """Set how often the entries count as delivered, and keep them ours."""
        commands = [
            ("XCLAIM", stream, self._group, self._name, 0, entry_id, "RETRYCOUNT", count, "JUSTID")
            for entry_id, count in counts.items()
        ]
        if commands:
            await self._commands.connect()
            await self._commands.pipeline(commands)

    def _parse(self, stream: str, entry_id: str, fields: list[str] | None) -> Event | None:
        if fields is None:  # trimmed away before it was handled
            log.error("event is gone from the stream", extra={"stream": stream, "entry": entry_id})
            return None
        try:
            return Event.from_fields(self._modules[stream], fields)
        except (KeyError, ValueError) as error:
            log.error("not an event", extra={"stream": stream, "entry": entry_id, "error": str(error)})
            self._handled.labels(self._modules[stream], "?", "malformed").inc()
            return None

    async def _claim(self) -> None:
        """Keep what is in hand ours; take over what other instances left unacknowledged."""
        for stream, ids in self._work.in_hand().items():
            for start in range(0, len(ids), CLAIM_CHUNK):
                chunk = ids[start : start + CLAIM_CHUNK]
                await self._commands.call("XCLAIM", stream, self._group, self._name, 0, *chunk, "JUSTID")
        for stream in self._modules:
            try:
                await self._take_over(stream)
            except ReplyError as error:
                if "NOGROUP" not in str(error) and "no such key" not in str(error):
                    raise
        await self._sleep(CLAIM_EVERY_S)

    async def _take_over(self, stream: str) -> None:
        after = "0-0"
        while True:
            after, entries, *_ = await self._commands.call(
                "XAUTOCLAIM", stream, self._group, self._name, IDLE_MS, after, "COUNT", COUNT
            )
            if entries:
                log.info("events taken over", extra={"stream": stream, "events": len(entries)})
                await self._take_again(stream, [(stream, entry_id, fields) for entry_id, fields in entries])
            if after == "0-0":
                return

    async def _acknowledge(self, stream: str, ids: list[str]) -> None:
        """Tell Redis; if it is away the events come again later and the inbox drops them."""
        try:
            await self._commands.connect()
            await self._commands.call("XACK", stream, self._group, *ids)
        except (RedisDown, ReplyError) as error:
            log.info("not acknowledged", extra={"stream": stream, "events": len(ids), "reason": str(error)})
