"""Questions on traces."""

from __future__ import annotations

from typing import Any

from nexus.control.collector.answers.asked import Asked, Misasked
from nexus.control.collector.answers.subject import Subject, quoted
from nexus.telemetry.query import trace as spans_of
from nexus.telemetry.query import traces_of

WHOLE = 32  # hexadecimal digits of a trace id
SHORTEST = 6  # of the beginning of one
MOST_SPANS = 5_000
_HEXADECIMAL = frozenset("0123456789abcdef")


def trace(subject: Subject, asked: Asked) -> dict[str, Any]:
    """The spans of the trace `id`, which may be the beginning of an id."""
    trace_id = resolve(subject, asked.must("id"))
    return {"trace_id": trace_id, **_bounded(spans_of(subject.store, trace_id))}


def traces(subject: Subject, asked: Asked) -> dict[str, Any]:
    """The spans of every trace that touches one of the things `of`, each `field=value`."""
    things = asked.pairs("of")
    if asked.one("field"):
        things += ((asked.must("field"), asked.must("value")),)
    if not things:
        raise Misasked("`of` is missing; write it like of=order_id=4711")
    found = {
        (span["trace_id"], span["span_id"]): span
        for field, value in things
        for span in traces_of(subject.store, field, value)
    }
    return _bounded(sorted(found.values(), key=lambda span: span["time"]))


def resolve(subject: Subject, text: str) -> str:
    """The whole id of the one trace that begins like this.

    Raises:
        Misasked: none does, or more than one.
    """
    said = text.lower().replace("-", "")
    if not SHORTEST <= len(said) <= WHOLE or not set(said) <= _HEXADECIMAL:
        raise Misasked(
            "{said!r} is no trace id; it has {whole} hexadecimal digits, the first {shortest} are needed",
            said=text,
            whole=WHOLE,
            shortest=SHORTEST,
        )
    if len(said) == WHOLE:
        return said
    begins = f"starts_with(trace_id, {quoted(said)})"
    found = subject.rows(
        f"SELECT DISTINCT trace_id FROM spans WHERE {begins} "
        f"UNION SELECT DISTINCT trace_id FROM logs WHERE {begins} ORDER BY trace_id LIMIT 6"
    )
    if not found:
        raise Misasked("no trace begins with {said!r}", said=text)
    if len(found) > 1:
        known = ", ".join(row["trace_id"] for row in found)
        raise Misasked("more than one trace begins with {said!r}: {known}", said=text, known=known)
    return str(found[0]["trace_id"])


def _bounded(spans: list[dict[str, Any]]) -> dict[str, Any]:
    return {"spans": spans[:MOST_SPANS], "left_out": max(0, len(spans) - MOST_SPANS)}
