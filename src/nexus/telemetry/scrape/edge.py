"""Requests at the edge, counted from its access log in the store: for an Nginx without a status page."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from nexus.telemetry.scrape.sample import Sample
from nexus.telemetry.scrape.series import Registry
from nexus.telemetry.scrape.source import Pace, of_runtime
from nexus.telemetry.store import DayGone, Store
from nexus.telemetry.store.layout import view
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.telemetry")

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds, as of Prometheus' clients
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
_BUCKETS = " ".join(f"WHEN duration_ms <= {bound * 1000:g} THEN {n}" for n, bound in enumerate(BOUNDS))
_SQL = f"""
    SELECT status // 100, CASE {_BUCKETS} ELSE {len(BOUNDS)} END, count(*),
           coalesce(sum(duration_ms), 0) / 1000
    FROM ({{rows}}) WHERE service = ? AND status IS NOT NULL GROUP BY 1, 2
"""

Row = tuple[Any, ...]


class EdgeSource:
    """Counts what was logged since the last look; the counters begin at 0 with the collector."""

    def __init__(self, registry: Registry, store: Store, pace: Pace) -> None:
        self.every = pace.servers
        self._registry = registry
        self._store = store
        self._counts: dict[str, Counts] = {}
        self._read_until: dict[str, int] = {}

    async def close(self) -> None:
        return None

    async def collect(self, targets: Targets, at: float) -> None:
        edges = dict.fromkeys(
            service.name for service, _ in of_runtime(targets, "nginx") if not service.metrics
        )
        for edge in edges:
            until = self._store.committed("logs")
            since = self._read_until.get(edge, until)
            if until > since:
                rows = await asyncio.to_thread(self._read, edge, since, until)
                self._counts.setdefault(edge, Counts()).add(rows)
            self._read_until[edge] = until
            self._registry.target(edge, "").observe(self._counts.setdefault(edge, Counts()).samples(), at)

    def _read(self, edge: str, since: int, until: int) -> list[Row]:
        """Status class, number of the duration's bucket, requests and their seconds, of the log's rows with
        these numbers.
        """
        found: list[Row] = []
        for day in self._store.days("logs"):
            if day.seq <= since:
                continue
            try:
                with self._store.reading(day) as (cursor, db):
                    chosen = f"(SELECT * FROM {db}.rows WHERE seq > {since:d} AND seq <= {until:d})"
                    found += cursor.execute(_SQL.format(rows=view("logs", db, chosen)), [edge]).fetchall()
            except DayGone:
                log.warning("%s is gone before the requests in it were counted", day.title)
        return found


class Counts:
    """What an edge has answered so far."""

    def __init__(self) -> None:
        self._classes: Counter[str] = Counter()
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def add(self, rows: Iterable[Row]) -> None:
        """Counts further requests: status class, number of the bucket, how many, their seconds."""
        for status, bucket, count, seconds in rows:
            self._classes[f"{status}xx"] += count
            self._buckets[bucket] += count
            self._seconds += seconds

    def samples(self) -> Iterator[Sample]:
        """The counters, all classes among them, so that rates are known from the first error on."""
        for name in dict.fromkeys((*CLASSES, *self._classes)):
            count = self._classes[name]
            yield Sample("nexus_edge_requests_total", {"status_class": name}, count, "counter")
        metric, below = "nexus_edge_request_seconds", 0
        for bound, count in zip((*BOUNDS, math.inf), self._buckets, strict=True):
            below += count
            label = "+Inf" if bound == math.inf else repr(bound)
            yield Sample(f"{metric}_bucket", {"le": label}, below, "histogram")
        yield Sample(f"{metric}_sum", {}, self._seconds, "histogram")
        yield Sample(f"{metric}_count", {}, below, "histogram")
