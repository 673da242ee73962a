"""What questions are about: a store, what the manifests declare, and the parts that live beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nexus.telemetry.query import sql
from nexus.telemetry.store import Store

PATIENCE = 20.0  # seconds for one of our own questions


def _no_parts() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Subject:
    """`kpis` and `processes` are those of `Targets`; `parts` tells the facts of what runs, by part."""

    store: Store
    kpis: Sequence[Mapping[str, Any]] = ()
    processes: Mapping[str, Mapping[str, Any]] = ()  # type: ignore[assignment]
    parts: Callable[[], Mapping[str, Any]] = _no_parts

    def rows(self, text: str, limit: int = 10_000) -> list[dict[str, Any]]:
        """The rows of a SELECT of ours over the views of the store."""
        answer = sql(self.store, text, limit, PATIENCE)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def at(when: datetime) -> str:
    """A point of time as a literal of SQL; the views' times are UTC and do not say so."""
    return f"TIMESTAMP {quoted(when.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"


def within(since: datetime, until: datetime) -> str:
    """A condition on the column `time`."""
    return f"time >= {at(since)} AND time < {at(until)}"
