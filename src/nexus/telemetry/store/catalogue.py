"""What the store knows beside its rows: sealed files, drops, its own actions. One small DuckDB file."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from nexus.telemetry.store.days import Day
from nexus.telemetry.store.engine import Engine

_TABLES = (
    "sealed(signal VARCHAR, file VARCHAR, size BIGINT, rows BIGINT, first TIMESTAMP, last TIMESTAMP,"
    " seq BIGINT)",
    "drops(time TIMESTAMP, service VARCHAR, why VARCHAR, count BIGINT)",
    "actions(time TIMESTAMP, what VARCHAR)",
)
_KEPT = 10_000  # actions and drops
_SOON = 5.0  # seconds
NAME = "catalogue"
_COUNT = (
    f"MERGE INTO {NAME}.drops AS old USING (SELECT ? AS time, ? AS service, ? AS why, ? AS count) AS new"
    " ON old.time = new.time AND old.service = new.service AND old.why = new.why"
    " WHEN MATCHED THEN UPDATE SET count = old.count + new.count"
    " WHEN NOT MATCHED THEN INSERT VALUES (new.time, new.service, new.why, new.count)"
)


class Catalogue:
    """Facts of sealed files, so that they need not be opened; drops and actions, in memory until `flush`."""

    def __init__(self, engine: Engine, folder: Path, read_only: bool) -> None:
        self._engine, self._path, self._read_only = engine, folder / "store.duckdb", read_only
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._flushed = 0.0  # by time.monotonic()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._told: list[tuple[datetime, str]] = []
        self._there = not read_only or self._path.exists()
        self.attach()

    def attach(self) -> None:
        """Open the file, made when it is missing, set aside when it is broken."""
        if not self._there:
            return
        try:
            self._attach()
        except duckdb.Error as error:
            if self._read_only:
                raise
            aside = self._path.with_name(f"{self._path.name}.damaged")
            self._path.replace(aside)
            self._attach()
            self.tell(f"set {aside.name} aside: it cannot be read ({str(error).splitlines()[0]})")

    def _attach(self) -> None:
        self._engine.attach(self._path, NAME, 16_384, writable=True)
        if not self._read_only:
            for table in _TABLES:
                self._run(f"CREATE TABLE IF NOT EXISTS {NAME}.{table}")

    def _run(self, sql: str, values: list[Any] | None = None) -> list[Any]:
        cursor = self._engine.cursor()
        try:
            return cursor.execute(sql, values).fetchall()
        finally:
            cursor.close()

    def recall(self, days: list[Day]) -> None:
        """Fill in what is known of sealed files whose size has not changed since."""
        if not self._there:
            return
        rows = self._run(f"SELECT signal, file, size, rows, first, last, seq FROM {NAME}.sealed")
        known = {(signal, file, size): rest for signal, file, size, *rest in rows}
        for day in days:
            facts = known.get((day.signal, day.path.name, day.size))
            if facts:
                day.rows, day.first, day.last, day.seq = facts[0], _utc(facts[1]), _utc(facts[2]), facts[3]
                day.sealed = True

    def sealed(self, day: Day) -> None:
        """Remember a file that was sealed."""
        self.forget(day)
        values = [day.signal, day.path.name, day.size, day.rows, _naive(day.first), _naive(day.last), day.seq]
        self._run(f"INSERT INTO {NAME}.sealed VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def forget(self, day: Day) -> None:
        """Forget a file that is gone."""
        self._run(f"DELETE FROM {NAME}.sealed WHERE signal = ? AND file = ?", [day.signal, day.path.name])

    def count(self, service: str, why: str, count: int) -> None:
        """Count rows that were lost."""
        with self._lock:
            self._counts[service, why] += count

    def tell(self, what: str) -> None:
        """Remember something the store did."""
        with self._lock:
            self._told.append((datetime.now(UTC), what))

    @property
    def due(self) -> bool:
        """Whether something has waited to be written down since the last `flush`, which is seconds ago."""
        return bool(self._counts or self._told) and time.monotonic() - self._flushed >= _SOON

    def flush(self) -> None:
        """Write down what was counted and told; what cannot be written is kept for the next time.

        What is lost of one service for one reason within a minute is one row.
        """
        with self._flushing:
            self._flushed = time.monotonic()
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            counts, told = dict(self._counts), list(self._told)
        if not counts and not told:
            return
        minute = _naive(datetime.now(UTC).replace(second=0, microsecond=0))
        cursor = self._engine.cursor()
        try:
            cursor.begin()
            for (service, why), count in counts.items():
                cursor.execute(_COUNT, [minute, service, why, count])
            for when, what in told:
                cursor.execute(f"INSERT INTO {NAME}.actions VALUES (?, ?)", [_naive(when), what])
            for table in ("drops", "actions"):
                oldest = f"SELECT time FROM {NAME}.{table} ORDER BY time DESC LIMIT 1 OFFSET {_KEPT}"
                cursor.execute(f"DELETE FROM {NAME}.{table} WHERE time < ({oldest})")
            cursor.commit()
        finally:
            cursor.close()
        with self._lock:
            self._counts.subtract(counts)
            self._counts += Counter()
            self._told = self._told[len(told) :]

    def drops(self) -> dict[str, dict[str, int]]:
        """How many rows were lost, by service and reason."""
        total: dict[str, dict[str, int]] = {}
        rows = (
            self._run(f"SELECT service, why, sum(count)::BIGINT FROM {NAME}.drops GROUP BY ALL")
            if self._there
            else []
        )
        with self._lock:
            rows += [(service, why, count) for (service, why), count in self._counts.items()]
        for service, why, count in rows:
            reasons = total.setdefault(service, {})
            reasons[why] = reasons.get(why, 0) + count
        return total

    def actions(self, limit: int) -> list[dict[str, Any]]:
        """The newest things the store did, newest first."""
        sql = f"SELECT time, what FROM {NAME}.actions ORDER BY time DESC LIMIT {limit:d}"
        written = [(_utc(when), what) for when, what in self._run(sql)] if self._there else []
        with self._lock:
            told = [*reversed(self._told), *written][:limit]
        return [{"time": when, "what": what} for when, what in told]


def _utc(when: datetime | None) -> datetime | None:
    return when.replace(tzinfo=UTC) if when else None


def _naive(when: datetime | None) -> datetime | None:
    return when.astimezone(UTC).replace(tzinfo=None) if when else None
