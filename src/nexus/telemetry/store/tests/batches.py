"""Batches to append, and ways to make a store's files older."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from nexus.telemetry.records import SCHEMAS, Signal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_LINE: dict[str, Any] = {
    "time": NOW, "observed": NOW, "severity": 9, "service": "sales", "instance": "sales-1", "release": "1",
    "body": "request", "trace_id": None, "span_id": None, "method": None, "path": None, "route": None,
    "status": None, "duration_ms": None, "attributes": "",
}  # fmt: skip
_SPAN: dict[str, Any] = {
    "time": NOW, "duration_us": 10, "trace_id": "a" * 32, "span_id": "b" * 16, "parent_id": None,
    "service": "sales", "instance": "", "release": "", "name": "POST", "kind": "server", "status": "ok",
    "attributes": "", "events": "", "links": "",
}  # fmt: skip
_ANSWER: dict[str, Any] = {
    "time": NOW, "service": "sales", "instance": "sales-1", "question": "ready", "ok": True,
    "duration_ms": 1.0, "detail": '{"status":"ok"}',
}  # fmt: skip
_POINT: dict[str, Any] = {"time": NOW, "name": "x", "labels": "{}", "kind": "gauge", "value": 0.0}
_DEFAULTS: dict[Signal, dict[str, Any]] = {
    "logs": _LINE, "traces": _SPAN, "health": _ANSWER, "metrics": _POINT, "business": _POINT,
}  # fmt: skip


def batch(signal: Signal, rows: Iterable[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{**_DEFAULTS[signal], **row} for row in rows], SCHEMAS[signal])


def lines(*bodies: str, **columns: Any) -> pa.Table:
    return batch("logs", [{"body": body, **columns} for body in bodies])


def points(name: str, values: Iterable[float], every: float = 5, labels: str = "{}") -> pa.Table:
    """A value every so many seconds from NOW on."""
    return batch(
        "metrics",
        [
            {"name": name, "labels": labels, "value": value, "time": NOW + timedelta(seconds=number * every)}
            for number, value in enumerate(values)
        ],
    )


def age(folder: Path, signal: Signal, days: int) -> str:
    """Give the newest file of a closed store the name of an earlier day; the day's name is returned."""
    newest = max(path for path in (folder / signal).glob("*.duckdb"))
    day = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}"
    for path in (folder / signal).glob(f"{newest.name}*"):
        path.rename(path.with_name(path.name.replace(newest.name, f"{day}.duckdb")))
    return day
