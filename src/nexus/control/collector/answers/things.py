"""Log lines about a thing of the business: those that name it, and those of the traces that touch it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from nexus.control.collector.answers.subject import Subject
from nexus.telemetry.query import LogQuery, logs, traces_of

MOST_TRACES = 50
MOST_NAMING = 5_000  # lines that are looked at for their traces
TELLING = 16  # characters from which an id is unlike anything else, wherever it stands

Row = dict[str, Any]
Thing = tuple[str, str]  # an attribute and its value


def lines_of(subject: Subject, query: LogQuery, things: Iterable[Thing]) -> list[Row]:
    """The newest `query.limit` of these lines that also are what the query asks for, in the order of time."""
    wanted = list(things)
    found: dict[bytes, Row] = {}
    for each in _naming(query, wanted):
        found |= _by_identity(logs(subject.store, each).rows)
    for trace_id in _touching(subject, query, wanted):
        found |= _by_identity(logs(subject.store, replace(query, trace=trace_id)).rows)
    rows = sorted(found.values(), key=lambda row: row["time"])
    return rows[max(0, len(rows) - query.limit) :]


def _touching(subject: Subject, query: LogQuery, things: list[Thing]) -> list[str]:
    """The traces of spans and lines that name it, whatever else the query asks of lines."""
    anything = LogQuery(since=query.since, until=query.until, limit=MOST_NAMING)
    found = [span["trace_id"] for field, value in things for span in traces_of(subject.store, field, value)]
    for each in _naming(anything, things):
        found += [row["trace_id"] for row in logs(subject.store, each).rows if row["trace_id"]]
    return list(dict.fromkeys(found))[:MOST_TRACES]


def _naming(query: LogQuery, things: Iterable[Thing]) -> Iterator[LogQuery]:
    wanted = list(things)
    for field, value in wanted:
        yield replace(query, where=(*query.where, (field, value)))
    if query.text is None:  # requests name it in their paths
        for value in dict.fromkeys(value for _, value in wanted if len(value) >= TELLING):
            yield replace(query, text=value)


def _by_identity(rows: Iterable[Row]) -> dict[bytes, Row]:
    return {orjson.dumps(row): row for row in rows}
