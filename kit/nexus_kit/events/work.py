"""Events in hand: handled in units, tried again when that fails, parked when it keeps failing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from nexus_kit.database import CONTENTION, Database, is_transient
from nexus_kit.events import parking
from nexus_kit.events.event import Handlers, NotYet
from nexus_kit.events.schedule import Item, Schedule
from nexus_kit.events.unit import Culprits, handle
from nexus_kit.logs import log

PARALLEL_UNITS = 4
HANDLER_TIMEOUT_S = 60.0
CONTENTION_TRIES = 5
SPLIT_AFTER = 8
DATABASE_PAUSE_S = 0.5
PARK_AGAIN_S = 2.0


class Unfinished(Exception):
    """An event that was delivered many times and never finished: its handler may end the process."""


class Work:
    """All events this process has taken and not yet acknowledged.

    A unit is the events of one stream and one company; it is one transaction. When a handler raises, the unit
    is handled again without the guilty events, and those are tried again later, so that nobody waits behind
    them.
    """

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        handled: Counter,
        acknowledge: Callable[[str, list[str]], Awaitable[None]],
        stopping: asyncio.Event,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._handled = handled
        self._acknowledge = acknowledge
        self._stopping = stopping
        self._schedule = Schedule()
        self._items: dict[tuple[str, str], Item] = {}
        self._slots = asyncio.Semaphore(PARALLEL_UNITS)
        self._tasks: set[asyncio.Task[None]] = set()

    def holds(self, stream: str, entry_id: str) -> bool:
        """Whether this entry is in hand already."""
        return (stream, entry_id) in self._items

    def in_hand(self) -> dict[str, list[str]]:
        """The ids of the entries in hand, by stream."""
        ids: dict[str, list[str]] = {}
        for stream, entry_id in self._items:
            ids.setdefault(stream, []).append(entry_id)
        return ids

    def start(self, items: Sequence[Item]) -> list[asyncio.Task[None]]:
        """Handle ``items``, each unit in a task of its own."""
        units: dict[tuple[str, UUID], list[Item]] = {}
        for item in items:
            self._items[item.key] = item
            units.setdefault((item.stream, item.event.company_id), []).append(item)
        tasks = [asyncio.create_task(self._unit(company, group)) for (_, company), group in units.items()]
        self._tasks.update(tasks)
        for task in tasks:
            task.add_done_callback(self._tasks.discard)
        return tasks

    async def give_up(self, item: Item, deliveries: int) -> None:
        """Put aside an event that was delivered ``deliveries`` times without an end."""
        error = Unfinished(f"delivered {deliveries} times without an end: does its handler end the process?")
        item.failures, item.error = deliveries, f"{type(error).__name__}: {error}"
        self._items[item.key] = item
        await self._park(item, error, {"event": str(item.event.id), "type": item.event.type})

    async def retry_due(self) -> None:
        """Wait until events are due to be tried again, and start on them."""
        self.start(await self._schedule.due())

    async def finish(self, grace: float) -> None:
        """Wait for what runs, at most ``grace`` seconds; the rest stays pending in Redis."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)

    async def _unit(self, company: UUID, items: list[Item]) -> None:
        contention = rounds = 0
        while items:
            try:
                async with self._slots, asyncio.timeout(HANDLER_TIMEOUT_S):
                    new = await handle(self._database, self._handlers, company, items)
                return await self._done(items, new)
            except Culprits as trouble:
                error, guilty = trouble.error, trouble.items
            except Exception as trouble:  # noqa: BLE001 - whatever it is, the events stay safe
                error, guilty = trouble, items
            if is_transient(error) and not isinstance(error, TimeoutError):
                if not await self._database_back(error):
                    return None
                continue
            if isinstance(error, CONTENTION) and contention < CONTENTION_TRIES:
                contention += 1
                continue
            rounds += 1
            keys = {item.key for item in guilty}
            items = [item for item in items if item.key not in keys]
            if len(guilty) > 1 and not _named(error, guilty):
                await self._one_by_one(company, guilty)
            else:
                for item in guilty:
                    await self._again(item, error)
            if rounds >= SPLIT_AFTER:
                return await self._one_by_one(company, items)
        return None

    async def _one_by_one(self, company: UUID, items: Sequence[Item]) -> None:
        for item in items:
            await self._unit(company, [item])

    async def _database_back(self, error: Exception) -> bool:
        """Wait a little for PostgreSQL. Returns False when the module stops: the events then stay pending."""
        log.warning("events wait for the database", extra={"reason": getattr(error, "cause", str(error))})
        try:
            await asyncio.wait_for(self._stopping.wait(), DATABASE_PAUSE_S)
        except TimeoutError:
            return True
        return False

    async def _done(self, items: list[Item], new: int) -> None:
        for item in items:
            self._items.pop(item.key, None)
            self._handled.labels(item.event.module, item.event.type, "handled").inc()
        first = items[0]
        if new < len(items):
            self._handled.labels(first.event.module, "*", "duplicate").inc(len(items) - new)
        await self._acknowledge(first.stream, [item.entry_id for item in items])

    async def _again(self, item: Item, error: Exception) -> None:
        pause = item.failed(error)
        event = item.event
        fields: dict[str, Any] = {
            "event": str(event.id),
            "type": event.type,
            "source": event.module,
            "attempts": item.failures + item.waits,
            "error": item.error,
        }
        if pause is None:
            await self._park(item, error, fields)
            return
        waits = isinstance(error, NotYet)
        outcome = "waits" if waits else "failed"
        self._handled.labels(event.module, event.type, outcome).inc()
        log.log(
            logging.INFO if waits else logging.WARNING, f"event {outcome}, will be tried again", extra=fields
        )
        self._schedule.add(item, pause)

    async def _park(self, item: Item, error: Exception, fields: dict[str, Any]) -> None:
        try:
            await parking.park(self._database, item)
        except Exception as trouble:  # noqa: BLE001 - not parked: keep trying, the event must not be lost
            log.warning("event cannot be parked now", extra={**fields, "reason": str(trouble)})
            self._schedule.add(item, PARK_AGAIN_S)
            return
        log.error("event parked", extra=fields, exc_info=error)
        self._handled.labels(item.event.module, item.event.type, "parked").inc()
        self._items.pop(item.key, None)
        await self._acknowledge(item.stream, [item.entry_id])


def _named(error: Exception, guilty: Sequence[Item]) -> bool:
    """Whether a batch handler named exactly these events as too early."""
    return isinstance(error, NotYet) and all(item.event.id in error.event_ids for item in guilty)
