"""Writes batches: rows and the checkpoints of their sources in one transaction of today's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from nexus.telemetry.records import SCHEMAS, Signal
from nexus.telemetry.store.days import Day, found, period
from nexus.telemetry.store.engine import Engine
from nexus.telemetry.store.errors import StoreError
from nexus.telemetry.store.layout import LAYOUTS
from nexus.telemetry.store.points import Points


def conform(signal: Signal, batch: pa.Table | pa.RecordBatch) -> pa.Table:
    """The batch in its signal's shape, times as UTC without zone. Raises StoreError for another shape."""
    table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
    schema = SCHEMAS[signal]
    try:
        table = table.select(schema.names).cast(schema)
    except (KeyError, ValueError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise StoreError(
            f"a batch of {signal} has another shape than nexus.telemetry.records: {error}"
        ) from error
    naive = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in schema
    ]
    return table.cast(pa.schema(naive))


class Writer:
    """The one who writes a signal. Not thread-safe: the store lets in one caller at a time."""

    def __init__(self, engine: Engine, folder: Path, signal: Signal, days: list[Day], part: int) -> None:
        self._engine, self._folder, self._signal, self._part = engine, folder, signal, part
        self._days = days
        self._points: Points | None = None
        self._today: Day | None = None
        self._sure = False  # whether `_points` is what the file holds
        self.checkpoints: dict[str, tuple[int, str]] = {}
        self.seq = max((day.seq for day in days), default=0)

    @property
    def today(self) -> Day | None:
        """The file that is written to, once something was."""
        return self._today

    def append(self, table: pa.Table, checkpoints: Mapping[str, str]) -> None:
        """Commit rows and checkpoints together. Raises duckdb.Error; nothing was written then."""
        day = self._current()
        with self._engine.lease(day, writable=True) as db:
            cursor = self._engine.cursor()
            try:
                rows, series = (table, None) if self._points is None else self._points.changes(table)
                self._write(cursor, db, day, rows, series, checkpoints)
            except BaseException:
                self._sure = False
                raise
            finally:
                cursor.close()

    def _write(
        self,
        cursor: duckdb.DuckDBPyConnection,
        db: str,
        day: Day,
        rows: pa.Table,
        series: pa.Table | None,
        checkpoints: Mapping[str, str],
    ) -> None:
        if not rows.num_rows and not checkpoints:
            return
        seq = self.seq + max(rows.num_rows, 1)
        marks = {key: (seq, text) for key, text in checkpoints.items()}
        with transaction(cursor):
            if series is not None and series.num_rows:
                _insert(cursor, f"{db}.series", "SELECT * FROM batch", series)
            if rows.num_rows:
                numbered = rows.append_column("seq", pa.array(range(self.seq + 1, seq + 1), pa.int64()))
                _insert(cursor, f"{db}.rows", LAYOUTS[self._signal].insert, numbered)
            mark(cursor, db, marks)
        self.checkpoints.update(marks)
        if rows.num_rows:
            ends = pc.min_max(rows["time"])
            day.grow(rows.num_rows, _utc(ends["min"].as_py()), _utc(ends["max"].as_py()))
        day.seq = seq
        self.seq = seq  # last: who follows takes every file with rows up to it as known

    def carry(self) -> None:
        """Write all checkpoints into today's file, before another one is dropped that may hold them."""
        if self.checkpoints:
            with self._engine.lease(self._current(), writable=True) as db:
                _in_one(self._engine, lambda cursor: mark(cursor, db, self.checkpoints))

    def _current(self) -> Day:
        name = period(self._signal, datetime.now(UTC))
        day = self._today
        if self._sure and day and day.period == name and day in self._days and day.size < self._part:
            return day
        parts = [each for each in self._days if each.period == name]
        newest = max(parts, key=lambda each: each.part, default=None)
        if newest is None or newest.sealed or newest.size >= self._part:
            taken = [each.part for each in found(self._folder, self._signal) if each.period == name]
            newest = Day.at(self._folder, self._signal, name, max(taken, default=0) + 1)
        self._begin(newest)
        return newest

    def _begin(self, day: Day) -> None:
        """Make today's file ready. A file that was killed at birth has no tables yet."""
        day.path.parent.mkdir(parents=True, exist_ok=True)
        with self._engine.lease(day, writable=True) as db:
            _in_one(self._engine, lambda cursor: self._make(cursor, db))
            self._points = self._known_points(db) if self._signal in ("metrics", "business") else None
        day.seq = max(day.seq, self.seq)
        if day not in self._days:
            self._days.append(day)
        self._today, self._sure = day, True

    def _make(self, cursor: duckdb.DuckDBPyConnection, db: str) -> None:
        for table in LAYOUTS[self._signal].tables:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {db}.{table}")
        mark(cursor, db, self.checkpoints)

    def _known_points(self, db: str) -> Points:
        return Points(_in_one(self._engine, lambda cursor: cursor.execute(f"FROM {db}.series").fetchall()))


def _in_one(engine: Engine, work: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
    cursor = engine.cursor()
    try:
        with transaction(cursor):
            return work(cursor)
    finally:
        cursor.close()


class transaction:
    """Commits at the block's end, or undoes everything when it raises."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def __enter__(self) -> None:
        self._cursor.begin()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._cursor.commit()
        else:
            with suppress(duckdb.Error):
                self._cursor.rollback()


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, sql: str, batch: pa.Table) -> None:
    cursor.register("batch", batch)
    try:
        cursor.execute(f"INSERT INTO {table} {sql}")
    finally:
        with suppress(duckdb.Error):
            cursor.unregister("batch")


def mark(cursor: duckdb.DuckDBPyConnection, db: str, checkpoints: Mapping[str, tuple[int, str]]) -> None:
    """Write checkpoints (key → number, text), each over its older self."""
    if not checkpoints:
        return
    columns = {
        "key": pa.array(checkpoints, pa.string()),
        "text": pa.array([text for _, text in checkpoints.values()], pa.string()),
        "seq": pa.array([seq for seq, _ in checkpoints.values()], pa.int64()),
    }
    cursor.register("marks", pa.table(columns))
    cursor.execute(
        f"MERGE INTO {db}.checkpoints AS old USING marks AS new ON old.key = new.key"
        " WHEN MATCHED AND new.seq >= old.seq THEN UPDATE SET text = new.text, seq = new.seq"
        " WHEN NOT MATCHED THEN INSERT VALUES (new.key, new.text, new.seq)"
    )
    cursor.unregister("marks")


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC)
