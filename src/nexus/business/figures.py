"""The figures of the business, each asked on its schedule and kept as points `nexus_kpi`."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nexus.business.asking import AwayError, Database, Patience, RefusedError, SlowError
from nexus.business.point import Point, label_text
from nexus.business.points import table
from nexus.stack import Kpi
from nexus.telemetry import query
from nexus.telemetry.query import QueryError
from nexus.telemetry.store import Store, StoreError
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.telemetry")

Values = list[tuple[Mapping[str, str], float]]

MOST_ROWS = 50
DUTY = 0.02  # of the time one figure may keep the database busy
SLOWEST = 3600.0  # seconds between two attempts of a figure that takes too long
AGAIN = 20.0  # seconds until a figure that failed is asked again
TOLD_AFTER = 2  # failures in a row: a schema that is still being made is no news
STALE_AFTER = 300.0
PATIENCE = 1.0  # seconds between two looks while the database is away


@dataclass
class Asked:
    """A figure and what became of it. `due` and `at` are in seconds since the epoch; of `errors` the last
    `failed` came in a row.
    """

    kpi: Kpi
    due: float = 0.0
    at: float = 0.0
    ms: float = 0.0
    values: Values = field(default_factory=list)
    error: str = ""
    errors: int = 0
    failed: int = 0
    interval: float = 0.0

    @property
    def slow(self) -> bool:
        """Whether it is asked less often than its manifest says, because it takes so long."""
        return self.interval > self.kpi.every


class Figures:
    """Asks every KPI of the stack: SQL as the role that may only read, metric expressions of the store.

    SQL goes to a replica when the database's `secret_files` name a `replica_url`. While the database is away
    its figures pause with one reason, and all others go on.
    """

    def __init__(self, store: Store, patience: Patience = Patience()) -> None:
        self.database = Database(patience)
        self._store = store
        self._asked: dict[str, Asked] = {}
        self._skipped: dict[str, str] = {}
        self._changed = asyncio.Event()

    def aim(self, targets: Targets) -> None:
        """Takes over the KPIs and the database of a stack; what is known of a KPI that stays is kept."""
        schemas = {service.schema for service in targets.services if service.schema}
        kpis = [Kpi.from_dict(told) for told in targets.kpis]
        missing = {kpi.name: [need for need in kpi.needs if need not in schemas] for kpi in kpis}
        self._skipped = {
            name: f"the schema {', '.join(needs)} is not on" for name, needs in missing.items() if needs
        }
        before = self._asked
        self._asked = {
            kpi.name: before[kpi.name] if kpi.name in before and before[kpi.name].kpi == kpi else Asked(kpi)
            for kpi in kpis
            if kpi.name not in self._skipped
        }
        databases = [service for service in targets.services if service.kind == "database"]
        self.database.aim(databases[0].secret_files if databases else {})
        self._changed.set()

    async def run(self) -> None:
        """Asks what is due, until cancelled."""
        try:
            while True:
                self._changed.clear()
                points = await self.ask_due(time.time())
                if points:
                    await self._keep(points)
                await self._rest()
        finally:
            self.database.close()

    async def ask_due(self, now: float) -> list[Point]:
        """Asks every figure that is due and returns what is to be kept of the answers; those first that need
        no database.
        """
        points: list[Point] = []
        for asked in sorted(self._asked.values(), key=lambda each: (bool(each.kpi.sql), each.due)):
            if asked.due > now:
                continue
            try:
                points += await self._ask(asked, now)
            except AwayError:
                # Still due: asked as soon as the database is back.
                continue
        return points

    async def _ask(self, asked: Asked, now: float) -> list[Point]:
        kpi, seconds, slow = asked.kpi, 0.0, False
        try:
            asked.values, seconds = await (self._by_sql(kpi) if kpi.sql else self._by_metric(kpi, now))
            asked.error = "" if asked.values else "no value"
            asked.failed = 0
        except (RefusedError, QueryError, StoreError) as refused:
            slow = isinstance(refused, SlowError)
            asked.errors += 1
            asked.failed += 1
            asked.values = []
            asked.error = str(refused)
            if asked.failed == TOLD_AFTER:
                log.warning("kpi %s: %s", kpi.name, refused)
        asked.at, asked.ms = now, round(seconds * 1000, 1)
        backed_off = 2 * (asked.interval or kpi.every) if slow else seconds / DUTY
        asked.interval = max(kpi.every, min(SLOWEST, backed_off))
        rest = min(asked.interval, AGAIN) if asked.failed and not slow else asked.interval
        asked.due = (math.floor(now / rest) + 1) * rest  # what is due together goes together
        return _points(asked)

    async def _by_sql(self, kpi: Kpi) -> tuple[Values, float]:
        rows, seconds = await self.database.ask(kpi.sql, limit=MOST_ROWS + 1)
        told = [({name: row.get(name) for name in kpi.labels}, row.get("value")) for row in rows]
        return _read(kpi, told), seconds

    async def _by_metric(self, kpi: Kpi, now: float) -> tuple[Values, float]:
        began = time.perf_counter()
        found = await asyncio.to_thread(query.instant, self._store, kpi.metric, now)
        told = [({name: labels.get(name) for name in kpi.labels}, value) for labels, value in found]
        return _read(kpi, told), time.perf_counter() - began

    async def _keep(self, points: list[Point]) -> None:
        try:
            await asyncio.to_thread(self._store.append, "business", table(points))
        except StoreError as error:
            log.warning("figures are not kept: %s", error)

    async def _rest(self) -> None:
        now = time.time()
        due = min((each.due for each in self._asked.values()), default=now + 60.0)
        try:
            async with asyncio.timeout(min(60.0, max(PATIENCE, due - now))):
                await self._changed.wait()
        except TimeoutError:
            return

    def latest(self) -> list[Point]:
        """The newest value of every series, of figures that were asked when they should have been."""
        now = time.time()
        return [
            point
            for asked in self._asked.values()
            if now - asked.at < max(STALE_AFTER, 2 * asked.interval)
            for point in _points(asked)
        ]

    def values(self) -> dict[str, list[dict[str, Any]]]:
        """The newest values by KPI: `labels`, `value`, and whether it is `beyond` its limit."""
        return {
            name: [
                {"labels": dict(labels), "value": value, "beyond": asked.kpi.beyond(value)}
                for labels, value in asked.values
            ]
            for name, asked in self._asked.items()
        }

    def facts(self) -> dict[str, Any]:
        """How each KPI is: its values, when it was asked, how long it took, what is wrong with it."""
        values = self.values()
        return {
            "paused": self.database.away if any(each.kpi.sql for each in self._asked.values()) else "",
            "skipped": dict(self._skipped),
            "slow": sorted(name for name, asked in self._asked.items() if asked.slow),
            "kpis": [
                {
                    "name": name,
                    "module": asked.kpi.module,
                    "title": dict(asked.kpi.title),
                    "unit": asked.kpi.unit,
                    "better": asked.kpi.better,
                    "limit": asked.kpi.limit,
                    "values": values[name],
                    "at": asked.at,
                    "ms": asked.ms,
                    "every": max(asked.kpi.every, asked.interval),
                    "error": asked.error,
                    "errors": asked.errors,
                }
                for name, asked in self._asked.items()
            ],
        }


def _read(kpi: Kpi, rows: list[tuple[dict[str, Any], Any]]) -> Values:
    """Values as numbers and labels as text; rows without a value are no data. Raises RefusedError."""
    if len(rows) > MOST_ROWS:
        raise RefusedError(f"returns more than {MOST_ROWS} rows; group it further")
    if len(rows) > 1 and not kpi.labels:
        raise RefusedError("returns several rows and has no `labels` to tell them apart")
    found: dict[tuple[str, ...], tuple[Mapping[str, str], float]] = {}
    for labels, told in rows:
        try:
            value = math.nan if told is None else float(told)
        except (TypeError, ValueError) as error:
            raise RefusedError(f"returns {told!r} where a number is needed") from error
        texts = {name: "" if each is None else str(each) for name, each in labels.items()}
        key = tuple(texts.values())
        if key in found:
            raise RefusedError(f"returns {texts} twice; group it by its labels")
        if math.isfinite(value):
            found[key] = (texts, value)
    return list(found.values())


def _points(asked: Asked) -> list[Point]:
    kpi = asked.kpi
    own = {"kpi": kpi.name, "module": kpi.module}
    points = [
        Point("nexus_kpi", label_text({**labels, **own, "unit": kpi.unit}), "gauge", value, asked.at)
        for labels, value in asked.values
    ]
    if asked.errors:
        points.append(
            Point("nexus_kpi_errors_total", label_text(own), "counter", float(asked.errors), asked.at)
        )
    return points
