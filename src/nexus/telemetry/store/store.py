"""The store: appends batches, knows its files, lends them to queries."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from nexus.telemetry.records import SIGNALS, Signal
from nexus.telemetry.store.catalogue import Catalogue
from nexus.telemetry.store.days import Day, found, leftovers
from nexus.telemetry.store.engine import Engine, damaging
from nexus.telemetry.store.errors import DayGone, StoreError, StoreFull
from nexus.telemetry.store.keeping import Keeper
from nexus.telemetry.store.policy import Policy
from nexus.telemetry.store.writer import Writer, conform

_log = logging.getLogger("nexus.telemetry")


class Store:
    """Everything collected, below one folder. Thread-safe; its methods block.

    One process holds it, others are refused with StoreBusy. `read_only` changes nothing on disk and can be
    opened by several at once while nobody writes.
    """

    def __init__(self, folder: Path, policy: Policy = Policy(), read_only: bool = False) -> None:
        self.folder, self.policy, self.read_only = folder.absolute(), policy, read_only
        if not read_only:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.engine = Engine(self.folder, policy, read_only)
        self._writing = threading.RLock()
        self.catalogue = Catalogue(self.engine, self.folder, read_only)
        self._days: dict[Signal, list[Day]] = {signal: list(found(self.folder, signal)) for signal in SIGNALS}
        self.catalogue.recall([day for days in self._days.values() for day in days])
        if not read_only:
            for path in [path for signal in SIGNALS for path in leftovers(self.folder, signal)]:
                path.unlink()
        marks = {signal: self._measure(signal) for signal in SIGNALS}
        self._writers = {
            signal: Writer(self.engine, self.folder, signal, self._days[signal], policy.keep[signal].part)
            for signal in SIGNALS
        }
        for signal, writer in self._writers.items():
            writer.checkpoints = marks[signal]
        self._keeper = Keeper(self, self._days, self._writers, self._writing)

    def append(
        self, signal: Signal, batch: pa.Table | pa.RecordBatch, checkpoints: Mapping[str, str] = {}
    ) -> None:
        """Keep a batch (shape: records.SCHEMAS) and its sources' checkpoints in one transaction.

        Raises StoreFull when the disk is nearly full, StoreError when it cannot be written; nothing was then.
        """
        if self.read_only:
            raise StoreError(f"{self.folder} is open for reading only")
        table = conform(signal, batch)
        if self.catalogue.due:
            self.refresh()
        with self._writing:
            if not self._keeper.room():
                raise StoreFull(
                    f"the disk of {self.folder} is nearly full and nothing is left to drop; free some"
                )
            try:
                self._writers[signal].append(table, checkpoints)
            except duckdb.Error as error:
                raise self._failed(signal, error) from error

    def _failed(self, signal: Signal, error: duckdb.Error) -> StoreError:
        today = self._writers[signal].today
        if today and damaging(error):
            self.set_aside(today, error)
        elif isinstance(error, duckdb.FatalException):
            self._renew()
        elif today and isinstance(error, duckdb.IOException):
            self.engine.forget(today)
        if "space left" in str(error) or not self._keeper.room():
            return StoreFull(f"the disk of {self.folder} is full: {_first(error)}")
        return StoreError(f"{signal} cannot be written below {self.folder}: {_first(error)}")

    def _renew(self) -> None:
        self.engine.renew()
        self.catalogue.attach()

    def checkpoints(self, signal: Signal = "logs") -> dict[str, str]:
        """The newest checkpoint of each source: key → text."""
        with self._writing:
            return {key: text for key, (_, text) in self._writers[signal].checkpoints.items()}

    def committed(self, signal: Signal) -> int:
        """The number of the newest row that is committed; every row of lower number is, too."""
        return self._writers[signal].seq

    def dropped(self, service: str, why: str, count: int) -> None:
        """Count rows of a service that were lost, and why; written down with an `append` soon after."""
        self.catalogue.count(service, why, count)

    def refresh(self) -> None:
        """Write down what was counted since the last `tend`, as far as the disk allows."""
        if not self.read_only:
            try:
                self.catalogue.flush()
            except duckdb.Error as error:
                _log.warning("drops cannot be written down yet: %s", _first(error))

    def tend(self) -> list[str]:
        """What has to be done once a minute: drop what is too old or too much, seal past days, flush counts.

        Returns a sentence for each thing it did.
        """
        return self._keeper.tend()

    def days(self, signal: Signal, since: datetime | None = None, until: datetime | None = None) -> list[Day]:
        """The files that may hold rows with `time` within [since, until), newest first."""
        days = [day for day in list(self._days[signal]) if day.overlaps(since, until)]
        return sorted(days, key=lambda day: day.key, reverse=True)

    @contextmanager
    def reading(self, day: Day) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """A connection and the name a file is attached under. Raises DayGone when it is gone or broken."""
        try:
            with self.engine.lease(day) as db:
                cursor = self.engine.cursor()
                try:
                    yield cursor, db
                finally:
                    cursor.close()
        except duckdb.Error as error:
            if not damaging(error):
                raise
            self.set_aside(day, error)
            raise DayGone(f"{day.title} is damaged") from error

    def checkpoint(self, day: Day) -> None:
        """Move what waits in a file's write-ahead log into the file. Raises duckdb.Error, DayGone."""
        with self._writing, self.reading(day) as (cursor, db):
            cursor.execute(f"CHECKPOINT {db}")

    def set_aside(self, day: Day, error: duckdb.Error) -> None:
        """Rename a broken file, tell it, go on without it."""
        what = f"{day.title} is damaged ({_first(error)})"
        if self.read_only:
            _log.warning("%s; it is left out", what)
            return
        with self._writing:
            if isinstance(error, duckdb.FatalException | duckdb.InternalException):
                self._renew()
            self.engine.forget(day)
            if day in self._days[day.signal]:
                self._days[day.signal].remove(day)
            name = f"{day.path.name}.{datetime.now(UTC):%H%M%S%f}.damaged"
            for path in (day.path, day.wal):
                if path.exists():
                    path.replace(path.with_name(name + path.name.removeprefix(day.path.name)))
            self.catalogue.tell(f"{what}: set aside as {name}")
            _log.error("%s: set aside as %s", what, name)

    def _measure(self, signal: Signal) -> dict[str, tuple[int, str]]:
        """Look into each file: rows and times of those that are not sealed, checkpoints of all."""
        checkpoints: dict[str, tuple[int, str]] = {}
        for day in list(self._days[signal]):
            try:
                with self.reading(day) as (cursor, db):
                    for key, mark in _look(cursor, db, day).items():
                        checkpoints[key] = max(mark, checkpoints.get(key, mark))
            except DayGone as gone:
                _log.warning("%s", gone)
            except (duckdb.InternalException, duckdb.SerializationException) as error:
                self.set_aside(day, error)
        self.engine.trim(set())
        return checkpoints

    def facts(self) -> dict[str, Any]:
        """What there is: sizes, rows and days of each signal, drops, newest actions, free disk. For JSON."""
        disk = shutil.disk_usage(self.folder)
        return {
            "folder": str(self.folder),
            "signals": {signal: self._facts(signal) for signal in SIGNALS},
            "drops": self.catalogue.drops(),
            "actions": [{**each, "time": each["time"].isoformat()} for each in self.catalogue.actions(20)],
            "disk": {"free": disk.free, "total": disk.total, "reserve": self.policy.reserved(disk.total)},
        }

    def _facts(self, signal: Signal) -> dict[str, Any]:
        days = sorted(self._days[signal], key=lambda day: day.key)
        keep = self.policy.keep[signal]
        return {
            "rows": sum(day.rows for day in days),
            "bytes": sum(day.size for day in days),
            "days": [day.path.name.removesuffix(".duckdb") for day in days],
            "keep": {"days": keep.age.days, "bytes": keep.size},
        }

    def close(self) -> None:
        """Write everything down and let the files go."""
        with self._writing:
            self.refresh()
            self.engine.close()


def _look(cursor: duckdb.DuckDBPyConnection, db: str, day: Day) -> dict[str, tuple[int, str]]:
    tables = cursor.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [db]).fetchall()
    if ("checkpoints",) not in tables:
        return {}
    marks = cursor.execute(f"SELECT key, seq, text FROM {db}.checkpoints").fetchall()
    if not day.sealed:
        sql = f"SELECT count(*), min(time), max(time), coalesce(max(seq), 0) FROM {db}.rows"
        rows, first, last, seq = cursor.execute(sql).fetchall()[0]
        if rows:
            day.grow(rows, first.replace(tzinfo=UTC), last.replace(tzinfo=UTC))
        day.seq = max([seq, *(number for _, number, _ in marks)])
    return {key: (number, text) for key, number, text in marks}


def _first(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
