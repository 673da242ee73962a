"""SQL over all of telemetry: one statement that reads, bounded in time, rows and memory."""

from __future__ import annotations

import re
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.query.statement import VIEWS, check, where
from nexus.telemetry.records import SCHEMAS, Signal
from nexus.telemetry.store import DayGone, Store, StoreBusy
from nexus.telemetry.store.catalogue import NAME
from nexus.telemetry.store.layout import view

_SIGNALS: dict[str, Signal] = {
    "logs": "logs",
    "spans": "traces",
    "metrics": "metrics",
    "health": "health",
    "business": "business",
}


@dataclass(frozen=True)
class Answer:
    """A table: its columns' names, and its rows as plain values. `more`: there were more than asked for."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    more: bool = False


def sql(store: Store, text: str, limit: int = 1000, seconds: float = 30.0) -> Answer:
    """Answer one statement that reads; times are UTC. At most `limit` rows, at most `seconds` of time.

    Raises QueryError, with the place, when it is no such statement, cannot be run, or takes too long. It may
    name the views and common table expressions, and call what computes: no file, no setting, nothing of the
    store's inside. It runs in a transaction that only reads.
    """
    with ExitStack() as stack:
        cursor = stack.enter_context(store.engine.cursor())
        check(cursor, text)
        try:
            _show(store, stack, cursor, text)
            cursor.execute("BEGIN TRANSACTION READ ONLY")
        except duckdb.Error as error:
            raise QueryError(f"the views cannot be made: {where(error)}") from error
        return _run(cursor, text, limit, seconds)


def _show(store: Store, stack: ExitStack, cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    """Make the views that the text may name."""
    for name in VIEWS:
        if not re.search(rf"\b{name}\b", text, re.IGNORECASE):
            continue
        if name in _SIGNALS:
            rows = _union(store, stack, _SIGNALS[name])
        else:
            store.refresh()
            rows = f"FROM {NAME}.{name}"
        cursor.execute(f"CREATE TEMP VIEW {name} AS {rows}")


def _union(store: Store, stack: ExitStack, signal: Signal) -> str:
    parts = []
    for day in store.days(signal):
        try:
            _, db = stack.enter_context(store.reading(day))
        except (DayGone, StoreBusy):
            continue
        parts.append(f"(SELECT * EXCLUDE (seq) FROM ({view(signal, db)}))")
    return " UNION ALL ".join(parts) or _empty(signal)


def _empty(signal: Signal) -> str:
    types = {field.name: _TYPES.get(str(field.type), "VARCHAR") for field in SCHEMAS[signal]}
    return f"SELECT {', '.join(f'NULL::{type_} AS {name}' for name, type_ in types.items())} WHERE false"


_TYPES = {
    "timestamp[us, tz=UTC]": "TIMESTAMP",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int64": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
}


def _run(cursor: duckdb.DuckDBPyConnection, text: str, limit: int, seconds: float) -> Answer:
    late = threading.Timer(seconds, cursor.interrupt)
    late.start()
    try:
        cursor.execute(text)
        columns = [each[0] for each in cursor.description or ()]
        rows = cursor.fetchmany(limit + 1)
    except duckdb.InterruptException as error:
        raise QueryError(
            f"took longer than {seconds:g} s; ask for a shorter time or fewer columns"
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise QueryError("needs more memory than the store may use; ask for less at once") from error
    except duckdb.Error as error:
        raise QueryError(where(error)) from error
    finally:
        late.cancel()
    return Answer(columns, [tuple(map(_plain, row)) for row in rows[:limit]], len(rows) > limit)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    if value is None or isinstance(value, bool | int | float | str | datetime):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return str(value)
