"""A span: a piece of work with a beginning, an end, and a place in a trace; OpenTelemetry's, as a value."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from random import Random
from typing import Any

MOST_EVENTS = 128
MOST_LINKS = 128

_random = Random()


class Kind(IntEnum):
    """What the work is to its trace; OTLP's numbers."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened within a span; ``at`` in nanoseconds since 1970."""

    at: int
    name: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """Another span that this one belongs together with, mostly of another trace."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]


class Span:
    """Work in hand. Ids are hexadecimal; times are nanoseconds since 1970, ``ended`` is 0 until the end.

    ``kept``: whether it is worth recording; one that starts with False becomes so by whatever it does.
    ``holds``: how many transactions may still add to it after its end (``tracing.hold``).
    """

    __slots__ = (
        "attributes",
        "ended",
        "error",
        "holds",
        "kept",
        "kind",
        "links",
        "moments",
        "name",
        "parent_id",
        "request_id",
        "span_id",
        "started",
        "trace_id",
    )

    def __init__(
        self, name: str, kind: Kind, trace_id: str, parent_id: str, request_id: str, kept: bool = True
    ) -> None:
        self.name = name
        self.kind = kind
        self.trace_id = trace_id
        self.parent_id = parent_id
        self.span_id = new_span_id()
        self.request_id = request_id
        self.kept = kept
        self.holds = 0
        self.started = time.time_ns()
        self.ended = 0
        self.error = ""
        self.attributes: dict[str, Any] = {}
        self.moments: list[Moment] = []
        self.links: list[Link] = []

    @property
    def traceparent(self) -> str:
        """The span in the form in which W3C trace context travels."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    def note(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes; the latest value of a name counts."""
        self.attributes.update(attributes)
        self.kept = True

    def happened(self, name: str, attributes: Mapping[str, Any], at: int | None = None) -> None:
        """Add a moment, by default of now; more than ``MOST_EVENTS`` are left out."""
        if len(self.moments) < MOST_EVENTS:
            self.moments.append(Moment(at or time.time_ns(), name, attributes))
        self.kept = True

    def link(self, other: Span, attributes: Mapping[str, Any]) -> None:
        """Point to ``other``; more than ``MOST_LINKS`` are left out."""
        if len(self.links) < MOST_LINKS:
            self.links.append(Link(other.trace_id, other.span_id, attributes))
        self.kept = True

    def fail(self, error: str) -> None:
        """Mark the work as failed; ``error`` is a class of errors, never a text that may tell of people."""
        self.error = error
        self.kept = True


def new_trace_id() -> str:
    """Return a new trace id: 32 hexadecimal digits."""
    return f"{_random.getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    """Return a new span id: 16 hexadecimal digits."""
    return f"{_random.getrandbits(64) or 1:016x}"
