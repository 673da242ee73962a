"""Rows for tests, as collection makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from nexus.telemetry.records import LOGS, SCHEMAS, Signal
from nexus.telemetry.store import Store
from nexus.telemetry.targets import Targets

TRACE = "7226d057f9a16c2da7d957812980f891"
ORDER = "01a21487-2c17-7617-92b5-90925d26aa2e"


@dataclass
class Collecting:
    """What the API knows of a collector: a store, what was told, and what its parts say."""

    store: Store
    targets: Targets | None = None
    parts: Mapping[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        return dict(self.parts)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def line(body: str, before: float = 10.0, **changed: Any) -> dict[str, Any]:
    """A log line of `sales`, written so many seconds ago."""
    usual: dict[str, Any] = dict.fromkeys(LOGS.names)
    usual |= {"time": ago(before), "observed": ago(before), "severity": 9, "service": "sales"}
    usual |= {"instance": "sales-1", "release": "r1", "body": body, "attributes": ""}
    attributes = changed.pop("attributes", None)
    return usual | changed | ({"attributes": orjson.dumps(attributes).decode()} if attributes else {})


def span(
    span_id: str, parent: str | None, service: str, before: float, ms: float, **changed: Any
) -> dict[str, Any]:
    usual: dict[str, Any] = {"time": ago(before), "duration_us": round(ms * 1000), "trace_id": TRACE}
    usual |= {"span_id": span_id, "parent_id": parent, "service": service, "instance": f"{service}-1"}
    usual |= {"release": "r1", "name": f"work of {service}", "kind": "internal", "status": "unset"}
    usual |= {"events": "", "links": ""}
    attributes = changed.pop("attributes", None)
    return usual | changed | {"attributes": orjson.dumps(attributes).decode() if attributes else ""}


def point(name: str, value: float, before: float = 5.0, kind: str = "gauge", **labels: str) -> dict[str, Any]:
    text = orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()
    return {"time": ago(before), "name": name, "labels": text, "kind": kind, "value": value}


def answer(
    question: str, ok: bool, before: float, detail: Any = "", instance: str = "sales-1"
) -> dict[str, Any]:
    text = detail if isinstance(detail, str) else orjson.dumps(detail).decode()
    usual: dict[str, Any] = {"time": ago(before), "service": instance.split("-")[0], "instance": instance}
    return usual | {"question": question, "ok": ok, "duration_ms": 1.5, "detail": text}


def keep(store: Store, signal: Signal, rows: Iterable[Mapping[str, Any]]) -> None:
    store.append(signal, pa.Table.from_pylist([dict(row) for row in rows], SCHEMAS[signal]))
