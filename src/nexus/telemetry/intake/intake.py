"""The intake: turns without end, one batch being parsed while the one before is being stored."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

from nexus.telemetry.intake.containers import Container
from nexus.telemetry.intake.files import Files
from nexus.telemetry.intake.memory import give_back, keep_freed
from nexus.telemetry.intake.source import Source
from nexus.telemetry.intake.turn import Batch, take_turn
from nexus.telemetry.store import Store, StoreError
from nexus.telemetry.targets import LogSource, Targets

log = logging.getLogger("nexus.telemetry")

PAUSE = 0.7  # seconds between two looks when there was nothing more to read
AGAIN = 2.0  # seconds until a refused batch is tried again
LAST_TURNS, LAST_WORDS = 20, 5.0


class Intake:
    """Takes in the logs of all sources that it is aimed at. What it read and could not store it holds and
    tries again; meanwhile it reads no further.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._aimed: tuple[LogSource, ...] = ()
        self._sources: dict[str, Source] = {}
        self._checkpoints: dict[str, str] | None = None
        self._followed: dict[str, tuple[Container, asyncio.Task[None]]] = {}
        self._kept: list[Batch] = []
        self._first = 0
        self._flooded = False
        self._trouble = ""
        self._rows = self._lost = 0
        self._took = 0.0

    def aim(self, targets: Targets) -> None:
        """From now on, these are the sources."""
        self._aimed = targets.sources

    async def run(self) -> None:
        """Lives until cancelled; then stores what is there to be read, for a few seconds."""
        reading: asyncio.Future[Batch | None] | None = None
        storing: asyncio.Task[None] | None = None
        try:
            while True:
                self._follow()
                reading = asyncio.ensure_future(asyncio.to_thread(self._turn))
                batch = await asyncio.shield(reading)
                reading = None
                if storing is not None:
                    await asyncio.shield(storing)
                    storing = None
                if batch is not None:
                    storing = asyncio.create_task(self._keep(batch), name="store a batch of logs")
                if batch is None or not batch.full:
                    await asyncio.sleep(PAUSE)
        finally:
            await self._finish(reading, storing)

    def facts(self) -> dict[str, Any]:
        """What was taken in, and how far each source is behind."""
        return {
            "rows": self._rows,
            "lost": self._lost,
            "trouble": self._trouble,
            "store_seconds": round(self._took, 3),
            "sources": {key: source.facts() for key, source in dict(self._sources).items()},
        }

    def _turn(self) -> Batch | None:
        """Reads and parses; in a thread of its own, one at a time."""
        while self._kept:
            self._publish(self._kept.pop())
        if self._checkpoints is None:
            self._checkpoints = dict(self._store.checkpoints("logs"))
        self._reconcile(self._checkpoints)
        sources = list(self._sources.values())
        self._first = (self._first + 1) % max(1, len(sources))
        batch = take_turn([*sources[self._first :], *sources[: self._first]])
        if batch is not None:
            self._checkpoints |= batch.checkpoints
        self._tend_memory(batch)
        return batch

    def _tend_memory(self, batch: Batch | None) -> None:
        """Keeps memory from one batch for the next in a flood; gives it back when all is stored."""
        if batch is None and self._flooded:
            give_back()
            self._flooded = False
        elif batch is not None and batch.full and not self._flooded:
            keep_freed()
            self._flooded = True

    def _reconcile(self, checkpoints: dict[str, str]) -> None:
        wanted = {told.key: told for told in self._aimed}
        for key, source in list(self._sources.items()):
            if wanted.get(key) != source.told:
                source.lines.close()
                del self._sources[key]
        for key, told in wanted.items():
            if key not in self._sources:
                kind = Files if told.kind in ("file", "rotating") else Container
                self._sources[key] = Source(told, kind(told, checkpoints.get(key, "")))

    def _follow(self) -> None:
        """Has an engine's containers followed while they are sources."""
        for key, (lines, task) in list(self._followed.items()):
            if key not in self._sources or self._sources[key].lines is not lines:
                task.cancel()
                del self._followed[key]
        for key, source in self._sources.items():
            if isinstance(source.lines, Container) and key not in self._followed:
                task = asyncio.create_task(source.lines.follow(), name=f"follow {key}")
                self._followed[key] = source.lines, task

    def _publish(self, batch: Batch) -> None:
        for key, progress in batch.progress.items():
            if key in self._sources:
                self._sources[key].lines.kept(progress)

    async def _keep(self, batch: Batch) -> None:
        """Stores a batch with its checkpoints, however long it takes."""
        began = time.monotonic()
        while True:
            try:
                await asyncio.to_thread(self._store_once, batch)
            except StoreError as error:
                if str(error) != self._trouble:
                    log.warning("logs are read no further until they can be stored: %s", error)
                self._trouble = str(error)
                await asyncio.sleep(AGAIN)
            else:
                break
        self._trouble, self._took = "", time.monotonic() - began
        self._rows += batch.rows.num_rows
        self._kept.append(batch)

    def _store_once(self, batch: Batch) -> None:
        self._store.append("logs", batch.rows, batch.checkpoints)
        for service, count in batch.lost.items():
            self._lost += count
            self._store.dropped(service, "rotated away", count)

    async def _finish(
        self, reading: asyncio.Future[Batch | None] | None, storing: asyncio.Task[None] | None
    ) -> None:
        """Stores what was read, and what is there still; leaves the rest to the next start."""
        for _, task in self._followed.values():
            task.cancel()
        await asyncio.gather(*(task for _, task in self._followed.values()), return_exceptions=True)
        self._followed.clear()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._last_turns(reading, storing)
        finally:
            for source in self._sources.values():
                source.lines.close()
            self._sources.clear()
            self._checkpoints = None  # whoever runs it again begins with what was kept

    async def _last_turns(
        self, reading: asyncio.Future[Batch | None] | None, storing: asyncio.Task[None] | None
    ) -> None:
        if storing is not None:
            await storing
        batch = await reading if reading is not None else None
        for _ in range(LAST_TURNS):
            if batch is not None:
                await self._keep(batch)
            batch = await asyncio.to_thread(self._turn)
            if batch is None:
                return
