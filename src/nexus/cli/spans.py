"""One trace as a tree of spans: what waited for what, and which spans the whole took so long for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nexus.cli import times

_SKEW = 1_000  # microseconds by which two processes' clocks may differ


@dataclass(eq=False)
class Span:
    """One span; times are microseconds since the epoch."""

    id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    start: int
    end: int
    failed: bool
    told: Mapping[str, Any]
    parent: Span | None = None
    children: list[Span] = field(default_factory=list)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Span:
        start = round(times.read(row["time"]).timestamp() * 1_000_000)
        return cls(
            id=row["span_id"],
            parent_id=row["parent_id"],
            service=row["service"],
            name=row["name"],
            kind=row["kind"],
            start=start,
            end=start + row["duration_us"],
            failed=row["status"] == "error",
            told=row,
        )

    @property
    def waited(self) -> int:
        """Microseconds between its cause's end and its start: an event's way, a queue."""
        return max(0, self.start - self.parent.end) if self.parent else 0

    @property
    def own(self) -> int:
        """Microseconds in which none of its children ran."""
        busy, reached = 0, self.start
        for child in sorted(self.children, key=lambda each: each.start):
            start, end = max(child.start, reached), min(child.end, self.end)
            if end > start:
                busy += end - start
                reached = end
        return self.end - self.start - busy


@dataclass(frozen=True)
class Trace:
    """All spans that are known of one trace, in the order in which they are drawn, with their depths."""

    id: str
    rows: tuple[tuple[int, Span], ...]
    critical: frozenset[str]

    @property
    def spans(self) -> list[Span]:
        return [span for _, span in self.rows]

    @property
    def start(self) -> int:
        return min(span.start for span in self.spans)

    @property
    def end(self) -> int:
        return max(span.end for span in self.spans)

    @property
    def waited(self) -> int:
        """Microseconds of the critical path in which nobody worked."""
        return sum(span.waited for span in self.spans if span.id in self.critical)


def traces(rows: Iterable[Mapping[str, Any]]) -> list[Trace]:
    """The traces that spans belong to, in the order of their starts."""
    by_trace: dict[str, dict[str, Span]] = {}
    for row in rows:
        by_trace.setdefault(row["trace_id"], {}).setdefault(row["span_id"], Span.read(row))
    found = [_trace(name, spans) for name, spans in by_trace.items()]
    return sorted(found, key=lambda trace: trace.start)


def time_by_service(shown: Iterable[Trace]) -> dict[str, int]:
    """Service → microseconds that its spans worked themselves, the most first."""
    spent: dict[str, int] = {}
    for trace in shown:
        for span in trace.spans:
            spent[span.service] = spent.get(span.service, 0) + span.own
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def _trace(name: str, spans: dict[str, Span]) -> Trace:
    for span in spans.values():
        parent = spans.get(span.parent_id or "")
        if parent is not None and not _above(parent, span):
            span.parent = parent
            parent.children.append(span)
    roots = sorted((s for s in spans.values() if s.parent is None), key=lambda s: s.start)
    rows = tuple(row for root in roots for row in _walk(root))
    return Trace(name, rows, frozenset(s.id for s in _critical(spans.values())))


def _above(span: Span, searched: Span) -> bool:
    """Whether `searched` is `span` or above it: broken ids must not make a circle."""
    at: Span | None = span
    while at is not None:
        if at is searched:
            return True
        at = at.parent
    return False


def _walk(root: Span) -> Iterator[tuple[int, Span]]:
    waiting = [(0, root)]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        later = sorted(span.children, key=lambda each: each.start, reverse=True)
        waiting.extend((depth + 1, child) for child in later)


def _critical(spans: Iterable[Span]) -> list[Span]:
    """The spans that the end waited for: from the last end back to the start, always to who ended last."""
    last: Span | None = max(spans, key=lambda span: (span.end, -span.start))
    found: list[Span] = []
    reached = last.end if last else 0
    while last is not None:
        found.extend(_path_in(last, reached))
        reached, last = last.start, last.parent
        if last is not None:  # what its cause began beside it, nobody here waited for
            reached = min(reached, last.end)
    return found


def _path_in(span: Span, until: int) -> Sequence[Span]:
    found = []
    waiting = [(span, until)]
    while waiting:
        at, reached = waiting.pop()
        found.append(at)
        for child in sorted(at.children, key=lambda each: each.end, reverse=True):
            if child.end <= reached + _SKEW and child.start < reached:
                waiting.append((child, child.end))
                reached = child.start
    return found
