"""The scraper: looks at everything in turn and writes down what it saw, one batch a round."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from nexus.telemetry.records import Signal
from nexus.telemetry.scrape.agent import AgentSource
from nexus.telemetry.scrape.containers import ContainerSource
from nexus.telemetry.scrape.edge import EdgeSource
from nexus.telemetry.scrape.health import History
from nexus.telemetry.scrape.postgres import PostgresSource
from nexus.telemetry.scrape.processes import ProcessSource
from nexus.telemetry.scrape.sample import Sample
from nexus.telemetry.scrape.series import Limits, Registry, Series
from nexus.telemetry.scrape.source import Pace, Source
from nexus.telemetry.scrape.valkey import ValkeySource
from nexus.telemetry.scrape.web import Desk, WebSource
from nexus.telemetry.store import Store, StoreError, StoreFull
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.telemetry")

LONGEST_ROUND = 10.0  # seconds that one source may take
EXPIRE_EVERY = 60.0
EARLY = 0.1  # part of its interval by which a source may be looked at too soon, so that rounds stay together


class Scraper:
    """Scrapes what `aim` says every few seconds into the store's signals `metrics` and `health`."""

    def __init__(self, store: Store, pace: Pace | None = None, limits: Limits | None = None) -> None:
        self._store = store
        self._pace = pace or Pace()
        self.registry = Registry(limits)
        self.history = History()
        self._desk = Desk(self.registry, self.history)
        self._agent = AgentSource(self._desk, self._pace)
        self._postgres = PostgresSource(self.registry, self.history, self._pace)
        self._valkey = ValkeySource(self.registry, self.history, self._pace)
        self._containers = ContainerSource(self.registry, self._pace)
        self._sources: dict[str, Source] = {
            "web": WebSource(self._desk, self._pace),
            "agent": self._agent,
            "postgres": self._postgres,
            "valkey": self._valkey,
            "edge": EdgeSource(self.registry, store, self._pace),
            "processes": ProcessSource(self.registry, self._pace),
            "containers": self._containers,
        }
        self._due = dict.fromkeys(self._sources, float("-inf"))
        self._targets: Targets | None = None
        self._aimed = asyncio.Event()
        self._expired = time.monotonic()
        self._rounds = 0
        self._seconds = 0.0

    def aim(self, targets: Targets) -> None:
        """From now on, this is what there is."""
        self._targets = targets
        self._aimed.set()

    async def run(self) -> None:
        """Scrapes until cancelled."""
        try:
            await self._aimed.wait()
            while True:
                began = time.monotonic()
                await self.round()
                await asyncio.sleep(max(0.0, self._pace.metrics - (time.monotonic() - began)))
        finally:
            await self.close()

    async def close(self) -> None:
        """Lets go of all connections."""
        for source in self._sources.values():
            await source.close()

    async def round(self) -> None:
        """Looks at everything that is due, and writes down what was seen."""
        if self._targets is None:
            return
        began, at = time.monotonic(), time.time()
        due = {
            name: source
            for name, source in self._sources.items()
            if began - self._due[name] >= source.every * (1 - EARLY)
        }
        self._due.update(dict.fromkeys(due, began))
        await asyncio.gather(*(self._collect(name, source, at) for name, source in due.items()))
        self._tell_own(at)
        await self._write()
        if began - self._expired >= EXPIRE_EVERY:
            self._expired = began
            self.registry.expire(at)
            self._desk.expire()
            self.history.expire(at)
        self._rounds += 1
        self._seconds = time.monotonic() - began

    async def _collect(self, name: str, source: Source, at: float) -> None:
        assert self._targets is not None
        try:
            async with asyncio.timeout(LONGEST_ROUND):
                await source.collect(self._targets, at)
        except TimeoutError:
            log.warning("scraping (%s) did not end within %g s", name, LONGEST_ROUND)
        except Exception:  # the other sources go on
            log.exception("scraping (%s) met an error", name)

    def _tell_own(self, at: float) -> None:
        name = "nexus_telemetry_series_dropped_total"
        for (service, metric), drop in self.registry.drops.items():
            dropped = Sample(name, {"metric": metric}, drop.count, "counter")
            self.registry.target(service, "").observe([dropped], at)
        own = self.registry.target("telemetry", "")
        own.observe([Sample("nexus_telemetry_series", {}, self.registry.count)], at)

    async def _write(self) -> None:
        batches: dict[Signal, pa.Table | None] = {
            "metrics": self.registry.take(),
            "health": self.history.take(),
        }
        for signal, table in batches.items():
            if table is None:
                continue
            try:
                await asyncio.to_thread(self._store.append, signal, table)
            except StoreFull as error:
                self._store.dropped("telemetry", "disk full", table.num_rows)
                log.warning("%s of this round are lost: %s", signal, error)
            except StoreError as error:
                self._store.dropped("telemetry", "store failed", table.num_rows)
                log.error("%s of this round are lost: %s", signal, error)

    def latest(self) -> list[Series]:
        """Every series that was seen within the last five minutes, with its newest value."""
        return self.registry.current()

    @property
    def helps(self) -> Mapping[str, str]:
        """What metrics mean, by their family, as their services tell it."""
        return self.registry.helps

    def facts(self) -> dict[str, Any]:
        """How many series there are, what was dropped and why, what does not answer."""
        faults = {f"{service}/{instance}": why for (service, instance), why in self._desk.faults.items()}
        faults |= self._postgres.faults | self._valkey.faults
        for name, why in (("agent", self._agent.fault), ("containers", self._containers.fault)):
            if why:
                faults[name] = why
        return {
            **self.registry.facts(),
            "faults": faults,
            "health": self.history.last(),
            "rounds": self._rounds,
            "round_seconds": round(self._seconds, 3),
        }
