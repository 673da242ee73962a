"""Synthetic probes on their schedule: each run is counted, traced, and told when it failed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from nexus.business.point import Point
from nexus.business.points import table
from nexus.business.probing import Run, run_probe
from nexus.business.probing.counting import Counts
from nexus.business.probing.keeping import log_line, spans
from nexus.stack import Probe
from nexus.telemetry.store import Store, StoreError
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.telemetry")

PATIENCE = 300.0  # seconds that the first run waits for a stack that is coming up
LOOK_AGAIN = 1.0


@dataclass
class Watched:
    """A probe and how it stands. `since` and `due` are readings of the monotonic clock; `why` says why it
    does not run now ("" when it does).
    """

    probe: Probe
    files: Mapping[str, str]
    address: str
    since: float
    due: float = 0.0
    why: str = ""
    begun: bool = False
    runs: int = 0
    failures: int = 0
    last: Run | None = None
    busy: bool = False

    def declares(self, other: Watched) -> bool:
        """Whether the other is the same probe, aimed the same way."""
        mine, others = (self.probe, self.files, self.address), (other.probe, other.files, other.address)
        return mine == others


class Probes:
    """Runs the stack's probes through its edge. `Targets.probes` is what `declared_probes` says."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts = Counts()
        self._watched: dict[str, Watched] = {}
        self._changed = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def aim(self, targets: Targets) -> None:
        """Takes over the probes of a stack; what is known of one that stays is kept."""
        edge = next((service for service in targets.services if service.kind == "edge"), None)
        ready = {instance.service for instance in targets.instances if instance.state == "ready"}
        now = time.monotonic()
        before, self._watched = self._watched, {}
        for name, told in targets.probes.items():
            probe = Probe.from_dict(told["probe"])
            new = Watched(probe, told["secret_files"], f"http://{edge.stable}" if edge else "", now)
            watched = before.pop(name, new)
            self._watched[name] = watched if watched.declares(new) else new
            self._watched[name].why = _why_not(self._watched[name], told["off"], edge is not None)
            if edge and {edge.name, *probe.needs} <= ready:
                self._begin(self._watched[name], now)
        for name in before:
            self._counts.forget(name)
        self._changed.set()

    async def run(self) -> None:
        """Runs what is due, until cancelled; a run that is under way then cleans up first."""
        await self._go_on()
        try:
            while True:
                self._changed.clear()
                now = time.monotonic()
                for watched in self._watched.values():
                    self._start(watched, now)
                await self._rest(now)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    def facts(self) -> dict[str, Any]:
        """How each probe stands, as plain data."""
        return {name: _facts(watched) for name, watched in self._watched.items()}

    def latest(self) -> list[Point]:
        """The newest point of each series."""
        return self._counts.latest()

    async def _go_on(self) -> None:
        try:
            self._counts = await asyncio.to_thread(Counts.restored, self._store)
        except (StoreError, duckdb.Error) as error:
            log.warning("probes: their counters begin anew: %s", error)

    def _begin(self, watched: Watched, now: float) -> None:
        if not watched.begun:
            watched.begun = True
            watched.due = now

    def _start(self, watched: Watched, now: float) -> None:
        if watched.why or watched.busy:
            return
        if now - watched.since > PATIENCE:
            self._begin(watched, now)
        if watched.begun and watched.due <= now:
            watched.due = max(watched.due + watched.probe.every, now)
            watched.busy = True
            task = asyncio.create_task(self._run_once(watched), name=f"probe {watched.probe.name}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run_once(self, watched: Watched) -> None:
        try:
            known = await asyncio.to_thread(_read, watched.files)
            run = await run_probe(watched.probe, watched.address, known)
            watched.runs += 1
            watched.failures += run.failed is not None
            watched.last = run
            now = time.time()
            await asyncio.to_thread(self._keep, run, self._counts.add(run, now), now)
        except OSError as error:
            log.error("probe %s: a secret cannot be read: %s", watched.probe.name, error)
        except StoreError as error:
            log.warning("probe %s: the run is not kept: %s", watched.probe.name, error)
        except Exception:  # the next run may do better
            log.exception("probe %s: met an error", watched.probe.name)
        finally:
            watched.busy = False

    def _keep(self, run: Run, points: list[Point], now: float) -> None:
        self._store.append("business", table(points))
        self._store.append("traces", spans(run))
        if failed := run.failed:
            self._store.append("logs", log_line(run, failed, now))

    async def _rest(self, now: float) -> None:
        waiting = [each.due for each in self._watched.values() if each.begun and not each.why]
        unbegun = any(not each.begun and not each.why for each in self._watched.values())
        until = min([*waiting, *([now + PATIENCE] if unbegun else [])], default=now + PATIENCE)
        try:
            async with asyncio.timeout(max(LOOK_AGAIN, until - time.monotonic())):
                await self._changed.wait()
        except TimeoutError:
            return


def _why_not(watched: Watched, off: list[str], edge: bool) -> str:
    if off:
        return f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} off"
    return "" if edge else "no edge is on"


def _read(files: Mapping[str, str]) -> dict[str, str]:
    return {name: Path(file).read_text(encoding="utf-8").strip() for name, file in files.items()}


def _facts(watched: Watched) -> dict[str, Any]:
    told: dict[str, Any] = {
        "process": watched.probe.process,
        "title": dict(watched.probe.title),
        "every": watched.probe.every,
        "skipped": watched.why,
        "runs": watched.runs,
        "failures": watched.failures,
    }
    if run := watched.last:
        failed = run.failed
        told["last"] = {
            "at": run.began,
            "seconds": round(run.seconds, 4),
            "ok": failed is None,
            "trace_id": run.trace_id,
            "step": failed.step.name if failed else "",
            "expected": failed.expected if failed else "",
            "got": failed.got if failed else "",
        }
    return told
