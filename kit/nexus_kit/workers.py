"""Background work of a module: loops that run every so often, on one instance only when they lead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from nexus_kit import tracing
from nexus_kit.database import Database, is_transient
from nexus_kit.logs import log
from nexus_kit.metrics import Metrics
from nexus_kit.problems import Unavailable

LONGEST_PAUSE_S = 30.0
MAX_LEADING = 3  # each holds a connection for its lock beside those its work uses


@dataclass(slots=True)
class Worker:
    """A loop: ``function`` every ``every`` seconds; ``leader``: on one instance at a time."""

    name: str
    function: Callable[[], Awaitable[None]]
    every: float
    leader: bool
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Workers:
    """The workers of one process."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics
        self._workers: dict[str, Worker] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._leaders = asyncio.Semaphore(MAX_LEADING)

    def add(self, worker: Worker) -> None:
        """Register a worker. Raises ValueError when the name is taken."""
        if worker.name in self._workers:
            raise ValueError(f"worker {worker.name!r} is registered twice")
        self._workers[worker.name] = worker

    def wake(self, name: str) -> None:
        """Run the worker ``name`` at once. Raises KeyError when there is none."""
        self._workers[name].wake.set()

    def start(self) -> None:
        """Start all loops."""
        self._tasks = [
            asyncio.create_task(self._loop(worker), name=worker.name) for worker in self._workers.values()
        ]

    async def stop(self, grace: float) -> None:
        """Start no further run; give running ones ``grace`` seconds, then cut them."""
        self._stopping.set()
        for worker in self._workers.values():
            worker.wake.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _loop(self, worker: Worker) -> None:
        failures = 0
        while not self._stopping.is_set():
            worker.wake.clear()
            with tracing.span(f"worker {worker.name}", kept=False) as span:
                try:
                    await self._run_once(worker)
                    failures = 0
                except Exception as error:  # noqa: BLE001 - the loop must outlive whatever a run meets
                    failures += 1
                    span.fail(type(error).__name__)
                    self._metrics.worker_runs.labels(worker.name, "failed").inc()
                    if not (is_transient(error) or isinstance(error, Unavailable)):
                        log.exception("worker failed", extra={"worker": worker.name})
                    elif failures == 1:
                        log.warning("worker waits", extra={"worker": worker.name, "reason": str(error)})
            pause = min(worker.every * 2 ** min(failures, 6), max(LONGEST_PAUSE_S, worker.every))
            if failures:
                pause = max(pause, 0.5)
            try:
                await asyncio.wait_for(worker.wake.wait(), pause)
            except TimeoutError:
                continue

    async def _run_once(self, worker: Worker) -> None:
        if worker.leader:
            async with self._leaders, self._database.leading(f"worker:{worker.name}") as tx:
                if tx is None:
                    return
                await worker.function()
        else:
            await worker.function()
        self._metrics.worker_runs.labels(worker.name, "done").inc()
