"""What is promised of the processes, and what users got: events counted exactly once, budgets, burn rates."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import duckdb

from nexus.business import state
from nexus.business.access import Line, at_gateway, failed_at_edge
from nexus.business.asking import AwayError, RefusedError
from nexus.business.figures import Figures
from nexus.business.gauges import gauges
from nexus.business.point import Point
from nexus.business.points import table
from nexus.business.probed import RUNS, count_runs, read_runs, sent_by_probes
from nexus.business.promises import Promise
from nexus.business.requests import Routes, verdict
from nexus.business.tally import Count, Counts, Key, Tally
from nexus.business.windows import MINUTES_KEPT, WINDOWS, Events
from nexus.stack import Objective, Process
from nexus.telemetry.store import Store, StoreError
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.telemetry")

EVERY = 10.0  # seconds between two looks at what is new
TOLD_EVERY = 60.0  # seconds between two points of budgets and burn rates
AT_ONCE = 10  # questions to the database per objective and look
GATEWAY, EDGE = "requests of the gateway", "failures at the edge"


class Objectives:
    """Counts the events of all objectives and tells what they mean.

    Requests come from the gateway's access log, and failures that never reached it from the edge's; facts
    come from the database, runs of probes from the store. `figures` has the KPIs, and the connection to the
    database that both share.
    """

    def __init__(self, store: Store, figures: Figures) -> None:
        self._store = store
        self._figures = figures
        self._processes: dict[str, Process] = {}
        self._routes = Routes(())
        self._promises: dict[str, Promise] = {}
        self._services: dict[str, tuple[str, ...]] = {}
        self._schemas: set[str] = set()
        self._tally: Tally | None = None
        self._cursors: dict[str, int] = {}
        self._told = 0.0
        self._clock = 0.0
        self._fault = ""

    def aim(self, targets: Targets) -> None:
        """Takes over the processes of a stack; what was counted stays."""
        processes = {name: Process.from_dict(told) for name, told in targets.processes.items()}
        self._schemas = {service.schema for service in targets.services if service.schema}
        if processes != self._processes:
            self._processes = processes
            self._routes = Routes(processes.values())
            self._promises = {}
        self._services = {
            kind: tuple(s.name for s in targets.services if s.kind == kind) for kind in ("gateway", "edge")
        }

    async def run(self) -> None:
        """Counts what is new every ten seconds, until cancelled."""
        while True:
            try:
                await self.look(time.time())
                self._fault = ""
            except (StoreError, duckdb.Error) as error:
                if self._fault != str(error):
                    log.warning("objectives: %s", error)
                self._fault = str(error)
            await asyncio.sleep(EVERY)

    async def look(self, now: float) -> None:
        """Counts what is new. Raises StoreError, duckdb.Error: what was not kept is not counted."""
        if not self._processes:
            return
        tally = await self._restored(now)
        upto = self._store.committed("logs")
        for source in (GATEWAY, EDGE):
            reached = -1
            while reached != upto:
                lines, reached = await asyncio.to_thread(self._read, source, upto)
                await self._keep(tally, self._judged(lines, now), {source: reached}, now)
                self._cursors[source] = reached
        for promise in self._wanted_promises():
            await self._ask(tally, promise, now)
        if now - self._told >= TOLD_EVERY:
            await self._count_probes(tally, now)
            points = [*tally.totals(now), *gauges(self._processes.values(), self.window, self.status(), now)]
            asked = {promise.checkpoint: promise.asked for promise in self._promises.values()}
            await self._append(points, self._cursors | asked)
            self._told = now

    async def _restored(self, now: float) -> Tally:
        """The tally; read again when the clock jumped, because it may have emptied the windows."""
        jumped = abs(now - time.monotonic() - self._clock) > TOLD_EVERY
        if self._tally is None or jumped:
            self._tally = await asyncio.to_thread(Tally.restored, self._store, now)
            known = await asyncio.to_thread(self._store.checkpoints, "business")
            self._cursors = {name: int(known.get(name, 0)) for name in (GATEWAY, EDGE, *RUNS)}
            self._promises = {}
            self._told = 0.0
        self._clock = now - time.monotonic()
        return self._tally

    async def _keep(self, tally: Tally, counts: Counts, cursors: dict[str, int], now: float) -> None:
        """Counts and how far they reach are kept in one transaction."""
        if counts:
            await self._append(tally.points(counts, now), cursors)
            tally.add(counts, now)

    async def _append(self, points: list[Point], cursors: dict[str, int]) -> None:
        marks = {name: str(cursor) for name, cursor in cursors.items()}
        await asyncio.to_thread(self._store.append, "business", table(points), marks)

    def _read(self, source: str, upto: int) -> tuple[list[Line], int]:
        """The next lines of users' requests, and the number reached."""
        edge, gateway = self._services.get("edge", ()), self._services.get("gateway", ())
        after = self._cursors[source]
        if source == GATEWAY:
            lines, reached = at_gateway(self._store, gateway, edge, after, upto)
        else:
            lines, reached = failed_at_edge(self._store, edge, gateway, after, upto)
        synthetic = sent_by_probes(self._store, after, reached) if lines else set()
        return [line for line in lines if line.seq not in synthetic], reached

    async def _count_probes(self, tally: Tally, now: float) -> None:
        upto = self._store.committed("business")
        runs = await asyncio.to_thread(
            read_runs, self._store, min(self._cursors[name] for name in RUNS), upto
        )
        counts, cursors = count_runs(runs, self._processes, tally, self._cursors, upto, now)
        await self._keep(tally, counts, cursors, now)
        self._cursors |= cursors

    def _judged(self, lines: Iterable[Line], now: float) -> Counts:
        """The events that users' requests are. A line from before the minutes that are known is too late."""
        counts: defaultdict[tuple[Key, int], Count] = defaultdict(Count)
        for line in lines:
            minute = min(line.minute, int(now // 60))
            if minute <= now // 60 - MINUTES_KEPT:
                continue
            for place in self._routes.places(line.method, line.path):
                for objective in self._processes[place.process].objectives:
                    good = _good(objective, line)
                    if good is not None:
                        counts[Key(place.process, objective.name, place.step), minute].add(good)
        return {where: Events(count.good, count.total) for where, count in counts.items()}

    def _wanted_promises(self) -> list[Promise]:
        known: dict[str, str] = {}
        if not self._promises:
            known = self._store.checkpoints("business")
        for process in self._processes.values():
            for objective in process.objectives:
                name = f"objective {process.name}/{objective.name}"
                if objective.kind == "facts" and name not in self._promises:
                    self._promises[name] = Promise.begun(process.name, objective, known.get(name))
        return [p for p in self._promises.values() if self._schemas.issuperset(p.objective.needs)]

    async def _ask(self, tally: Tally, promise: Promise, now: float) -> None:
        for _ in range(AT_ONCE):
            if not promise.due(now):
                return
            try:
                counts, until = await promise.ask(self._figures.database, now)
            except AwayError:
                return
            except RefusedError as refused:
                log.warning("%s: %s", promise.checkpoint, refused)
                return
            await self._keep(tally, counts, {promise.checkpoint: until}, now)
            promise.asked = until

    def window(
        self, process: str, objective: str, window: str, step: str | None = None, at: float | None = None
    ) -> Events:
        """The events of the last `window` ("5m" to "28d") before `at` (seconds since the epoch, else now)."""
        if self._tally is None:
            return Events(0, 0)
        minute = int((time.time() if at is None else at) // 60)
        return self._tally.window(process, objective, WINDOWS[window], minute, step)

    def latest(self) -> list[Point]:
        """Counters, budgets and burn rates as they are now; none where there is no data."""
        now = time.time()
        return (
            []
            if self._tally is None
            else [
                *self._tally.totals(now),
                *gauges(self._processes.values(), self.window, self.status(), now),
            ]
        )

    def status(self) -> dict[str, Any]:
        """How each process is, by its name: see `nexus.business.state`."""
        errors = {promise.checkpoint: promise.error for promise in self._promises.values()}
        kpis = self._figures.facts()["kpis"]
        return {
            name: state.of_process(process, self.window, {kpi["name"]: kpi for kpi in kpis}, errors)
            for name, process in self._processes.items()
        }

    def facts(self) -> dict[str, Any]:
        """How each process is, how far events are counted, and what is in the way of counting."""
        return {
            "processes": self.status(),
            "fault": self._fault,
            "paused": self._figures.database.away if self._promises else "",
            "cursors": dict(self._cursors),
            "facts": {
                name: {"asked_until": promise.asked * 60, "error": promise.error}
                for name, promise in self._promises.items()
            },
        }


def _good(objective: Objective, line: Line) -> bool | None:
    """Whether a request is a good event of an objective; None when it is no event of it."""
    said = verdict(line.status, line.seconds)
    if objective.kind == "availability" and said != "none":
        return said == "good"
    if objective.kind == "latency" and said == "good":
        return line.seconds <= (objective.within or 0)
    return None
