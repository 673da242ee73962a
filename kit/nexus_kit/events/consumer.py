"""The consumer: reads the streams of other modules in this module's group and has each event handled once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from nexus_kit.database import CONTENTION, Database, is_transient
from nexus_kit.events import parking
from nexus_kit.events.event import Event, Handlers, stream_of
from nexus_kit.events.schedule import Item, Schedule
from nexus_kit.events.unit import Culprits, handle
from nexus_kit.logs import log
from nexus_kit.redis_link import RedisDown, RedisLink, ReplyError

COUNT = 200
BLOCK_MS = 2000
MISSING_RETRY_MS = 500
IDLE_MS = 10_000
CLAIM_EVERY_S = 5.0
PARALLEL_UNITS = 4
HANDLER_TIMEOUT_S = 60.0
CONTENTION_TRIES = 5
SPLIT_AFTER = 8

Entry = tuple[str, str, list[str] | None]


class Consumer:
    """Reads, handles, acknowledges; keeps what is to be tried again; takes over what dead instances left."""

    def __init__(
        self,
        group: str,
        name: str,
        database: Database,
        link: Callable[[str], RedisLink],
        handlers: Handlers,
        handled: Counter,
    ) -> None:
        """``group`` the consuming module, ``name`` this instance, ``handled`` a counter by module, type, outcome."""
        self._group = group
        self._name = name
        self._database = database
        self._reading = link("events")
        self._commands = link("acks")
        self._handlers = handlers
        self._handled = handled
        self._modules = {stream_of(module): module for module, _ in handlers}
        self._schedule = Schedule()
        self._in_hand: dict[tuple[str, str], Item] = {}
        self._slots = asyncio.Semaphore(PARALLEL_UNITS)
        self._units: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Consume until ``stop``; outlives outages of Redis and PostgreSQL."""
        await asyncio.gather(
            self._forever("reader", self._reading, self._read),
            self._forever("retries", None, self._retry),
            self._forever("claims", self._commands, self._claim),
        )

    async def stop(self, grace: float) -> None:
        """Take no more events and finish those in hand, at most ``grace`` seconds long."""
        self._stopping.set()
        if self._units:
            await asyncio.wait(self._units, timeout=grace)
        self._reading.close()
        self._commands.close()

    async def _forever(self, name: str, link: RedisLink | None, work: Callable[[], Awaitable[None]]) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            try:
                if link is not None and not link.connected:
                    await link.connect()
                await self._until_stop(work())
                pause = 0.1
            except (RedisDown, ReplyError) as error:
                if pause == 0.1:
                    log.warning(f"{name} waits for redis", extra={"reason": str(error)})
                if link is not None and isinstance(error, RedisDown):
                    link.close()
                pause = min(pause * 2, 1.0)
                await self._sleep(pause)
            except Exception:
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

    # reading

    async def _read(self) -> None:
        """Join the groups, take up what this instance had in hand before, then read what is new."""
        present = await self._join()
        await self._resume(present)
        missing = len(present) < len(self._modules)
        while not (missing and not present):
            block = MISSING_RETRY_MS if missing else BLOCK_MS
            try:
                entries = await self._fetch(present, ">", block)
            except ReplyError as error:
                if "NOGROUP" in str(error):
                    return  # a stream is gone: join anew
                raise
            await self._dispatch(entries)
            if missing and not entries:
                return  # look again for streams that were missing
        await self._sleep(MISSING_RETRY_MS / 1000)

    async def _join(self) -> list[str]:
        """Make sure the group exists on each stream. Returns the streams that exist; the relay of a module makes its own."""
        present: list[str] = []
        for stream in self._modules:
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
                await self._dispatch(entries)

    async def _fetch(self, streams: list[str], after: str, block_ms: int | None) -> list[Entry]:
        blocking = ("BLOCK", block_ms) if block_ms is not None else ()
        reply = await self._reading.call(
            "XREADGROUP", "GROUP", self._group, self._name, "COUNT", COUNT, *blocking,
            "STREAMS", *streams, *(after for _ in streams),
            timeout=(block_ms or 0) / 1000 + 5,
        )  # fmt: skip
        return [(stream, entry_id, fields) for stream, entries in reply or () for entry_id, fields in entries]

    async def _claim(self) -> None:
        """Keep what is in hand ours; take over what other instances left unacknowledged."""
        mine: dict[str, list[str]] = {}
        for stream, entry_id in self._in_hand:
            mine.setdefault(stream, []).append(entry_id)
        for stream, ids in mine.items():
            for start in range(0, len(ids), 500):
                await self._commands.call(
                    "XCLAIM", stream, self._group, self._name, 0, *ids[start : start + 500], "JUSTID"
                )
        for stream in self._modules:
            after = "0-0"
            while True:
                try:
                    after, entries, deleted = await self._commands.call(
                        "XAUTOCLAIM", stream, self._group, self._name, IDLE_MS, after, "COUNT", COUNT
                    )
                except ReplyError as error:
                    if "NOGROUP" in str(error) or "no such key" in str(error):
                        break
                    raise
                if entries:
                    log.info("events taken over", extra={"stream": stream, "events": len(entries)})
                    await self._dispatch([(stream, entry_id, fields) for entry_id, fields in entries])
                if after == "0-0":
                    break
        await self._sleep(CLAIM_EVERY_S)

    # handling

    async def _dispatch(self, entries: list[Entry]) -> None:
        """Handle entries: by stream and company, each such unit in a transaction of its own."""
        items: list[Item] = []
        idle: dict[str, list[str]] = {}
        for stream, entry_id, fields in entries:
            if (stream, entry_id) in self._in_hand:
                continue
            event = self._parse(stream, entry_id, fields)
            if event is None or (event.module, event.type) not in self._handlers:
                idle.setdefault(stream, []).append(entry_id)
                continue
            item = Item(stream, entry_id, event)
            self._in_hand[item.key] = item
            items.append(item)
        for stream, ids in idle.items():
            await self._acknowledge(stream, ids)
        tasks = self._start_units(items)
        if tasks:
            await asyncio.wait(tasks)

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

    def _start_units(self, items: list[Item]) -> list[asyncio.Task[None]]:
        units: dict[tuple[str, UUID], list[Item]] = {}
        for item in items:
            units.setdefault((item.stream, item.event.company_id), []).append(item)
        tasks = [asyncio.create_task(self._unit(company, group)) for (_, company), group in units.items()]
        self._units.update(tasks)
        for task in tasks:
            task.add_done_callback(self._units.discard)
        return tasks

    async def _retry(self) -> None:
        self._start_units(await self._schedule.due())

    async def _unit(self, company: UUID, items: list[Item]) -> None:
        """Handle one unit to the end: done and acknowledged, to be tried again, parked, or left pending at a stop."""
        contention = culprits = 0
        while items:
            try:
                async with self._slots, asyncio.timeout(HANDLER_TIMEOUT_S):
                    new = await handle(self._database, self._handlers, company, items)
                await self._done(items, new)
                return
            except Culprits as trouble:
                error, guilty = trouble.error, list(trouble.items)
            except Exception as trouble:  # noqa: BLE001 - whatever it is, the events stay safe
                error, guilty = trouble, items
            if is_transient(error) and not isinstance(error, TimeoutError):
                if not await self._database_back(error):
                    return
                continue
            if isinstance(error, CONTENTION) and contention < CONTENTION_TRIES:
                contention += 1
                continue
            culprits += 1
            keys = {item.key for item in guilty}
            items = [item for item in items if item.key not in keys]
            if len(guilty) > 1 and not (isinstance(error, Exception) and _all_wait(error, guilty)):
                for item in guilty:
                    await self._unit(company, [item])
            else:
                for item in guilty:
                    await self._again(item, error)
            if culprits >= SPLIT_AFTER:
                for item in items:
                    await self._unit(company, [item])
                return

    async def _database_back(self, error: Exception) -> bool:
        """Wait a little for PostgreSQL. Returns False when the module stops: the events then stay pending."""
        log.warning("events wait for the database", extra={"reason": str(error)})
        await self._sleep(0.5)
        return not self._stopping.is_set()

    async def _done(self, items: list[Item], new: int) -> None:
        for item in items:
            self._in_hand.pop(item.key, None)
        first = items[0]
        for item in items:
            self._handled.labels(item.event.module, item.event.type, "handled").inc()
        if new < len(items):
            self._handled.labels(first.event.module, "*", "duplicate").inc(len(items) - new)
        await self._acknowledge(first.stream, [item.entry_id for item in items])

    async def _again(self, item: Item, error: Exception) -> None:
        pause = item.failed(error)
        fields: dict[str, Any] = {
            "event": str(item.event.id),
            "type": item.event.type,
            "source": item.event.module,
            "attempts": item.failures + item.waits,
            "error": item.error,
        }
        if pause is not None:
            outcome = "waits" if item.failures == 0 else "failed"
            self._handled.labels(item.event.module, item.event.type, outcome).inc()
            log.log(20 if outcome == "waits" else 30, f"event {outcome}, will be tried again", extra=fields)
            self._schedule.add(item, pause)
            return
        log.error("event parked", extra=fields, exc_info=error)
        try:
            await parking.park(self._database, item)
        except Exception as trouble:  # noqa: BLE001 - not parked: keep trying, the event must not be lost
            log.warning("event cannot be parked now", extra={**fields, "reason": str(trouble)})
            self._schedule.add(item, 2.0)
            return
        self._handled.labels(item.event.module, item.event.type, "parked").inc()
        self._in_hand.pop(item.key, None)
        await self._acknowledge(item.stream, [item.entry_id])

    async def _acknowledge(self, stream: str, ids: list[str]) -> None:
        """Tell Redis; if it is away the events come again later and the inbox drops them."""
        try:
            if not self._commands.connected:
                await self._commands.connect()
            await self._commands.call("XACK", stream, self._group, *ids)
        except (RedisDown, ReplyError) as error:
            log.info("not acknowledged", extra={"stream": stream, "events": len(ids), "reason": str(error)})


def _all_wait(error: Exception, guilty: list[Item]) -> bool:
    """Whether a batch handler named exactly these events as too early."""
    named = getattr(error, "event_ids", frozenset())
    return bool(named) and all(item.event.id in named for item in guilty)
