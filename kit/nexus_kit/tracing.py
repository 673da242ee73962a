"""W3C trace context and request ids: taken in, carried through a task, handed out.

Spans are made in any case, since logs, events and outgoing calls carry their ids; they are recorded only when
somebody takes them (``record``, see otlp.py), and then all of them, whatever the caller's sampling.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from nexus_kit.spans import Kind, Span, new_trace_id

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:\-]{8,128}")

_current: ContextVar[Span | None] = ContextVar("nexus_span", default=None)
_sink: Callable[[Span], None] | None = None


def record(sink: Callable[[Span], None] | None) -> None:
    """Give every span that ends to ``sink`` from now on; None: to nobody."""
    global _sink
    _sink = sink


def current() -> Span | None:
    """Return the span that this task works in, or None outside of any."""
    return _current.get()


def current_trace() -> str | None:
    """Return the traceparent of this task, or None outside of any."""
    span = _current.get()
    return span.traceparent if span else None


def current_trace_id() -> str | None:
    """Return the trace id (32 hex digits) of this task."""
    span = _current.get()
    return span.trace_id if span else None


def current_span_id() -> str | None:
    """Return the span id (16 hex digits) of this task."""
    span = _current.get()
    return span.span_id if span else None


def current_request_id() -> str | None:
    """Return the request id of this task."""
    span = _current.get()
    return span.request_id if span else None


def note(**attributes: Any) -> None:
    """Add attributes to the current span, e.g. the ids of what the work is about."""
    if (span := _current.get()) is not None:
        span.note(attributes)


def start(name: str, traceparent: str | None, kind: Kind, *, kept: bool = True) -> Span:
    """Start a span below ``traceparent`` when it is valid; else below the current span, else a new trace."""
    here = _current.get()
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        trace_id, parent_id = traceparent[3:35], traceparent[36:52]
    elif here is not None:
        trace_id, parent_id = here.trace_id, here.span_id
        here.kept = True
    else:
        trace_id, parent_id = new_trace_id(), ""
    return Span(name, kind, trace_id, parent_id, here.request_id if here else trace_id, kept)


def enter(name: str, traceparent: str | None, request_id: str | None) -> Span:
    """Start the span of a request, in which this task works from now on, whatever it did before."""
    _current.set(None)
    span = start(name, traceparent, Kind.SERVER)
    span.request_id = request_id if request_id and _REQUEST_ID.fullmatch(request_id) else span.trace_id
    _current.set(span)
    return span


def end(span: Span) -> None:
    """End the span and have it recorded, if it is held once it is released."""
    span.ended = time.time_ns()
    _record(span)


def hold(span: Span) -> None:
    """Keep the span from being recorded, even when it ends, until ``release`` was called as often."""
    span.holds += 1


def release(span: Span) -> None:
    """Take one hold back; a span that has ended meanwhile is recorded with the last one."""
    span.holds -= 1
    _record(span)


def _record(span: Span) -> None:
    if _sink is not None and span.kept and span.ended and not span.holds:
        _sink(span)


@contextmanager
def span(
    name: str,
    traceparent: str | None = None,
    kind: Kind = Kind.INTERNAL,
    attributes: Mapping[str, Any] | None = None,
    *,
    kept: bool = True,
) -> Iterator[Span]:
    """Run the block in a span below ``traceparent`` (None: the current span; without one a new trace).

    With ``kept=False`` it is recorded only when something comes of it: an attribute, an event, a span below.
    """
    started = start(name, traceparent, kind, kept=kept)
    if attributes:
        started.attributes.update(attributes)
    try:
        with working(started):
            yield started
    finally:
        end(started)


@contextmanager
def working(started: Span) -> Iterator[None]:
    """Run the block in a span that has started; an exception, unless it is an answer below 500, fails it."""
    token = _current.set(started)
    try:
        yield
    except BaseException as error:
        if getattr(error, "status", 500) >= 500:
            started.fail(type(error).__name__)
        raise
    finally:
        _current.reset(token)


@contextmanager
def calling(method: str, service: str, url: str) -> Iterator[Span]:
    """Run the block in the span of an HTTP call to another service; the call carries its ``traceparent``."""
    attributes = {"http.request.method": method, "server.address": service, "url.path": urlsplit(url).path}
    with span(f"{method} {service}", None, Kind.CLIENT, attributes) as started:
        yield started


def answered(started: Span, status: int) -> None:
    """Note the status of an HTTP answer; 500 and above fail the span."""
    started.note({"http.response.status_code": status})
    if status >= 500 and not started.error:
        started.fail(str(status))


@contextmanager
def continuing(
    traceparent: str | None, name: str, kind: Kind = Kind.INTERNAL, **attributes: Any
) -> Iterator[Span]:
    """Run the block as a part of the trace ``traceparent``, in which the thing it works on began.

    The request or worker that does it keeps its own trace: each of both spans links to the other. Links have
    the ``attributes`` (ids of the thing), and so has the request itself; of several things it does the first.
    The span starts with the request whose work it is. Without a traceparent it is a span like others.
    """
    here = _current.get()
    with span(name, traceparent, kind, attributes) as started:
        if here is not None:
            join(here, started, attributes)
        yield started


def join(here: Span, started: Span, attributes: Mapping[str, Any]) -> None:
    """Tie work in another trace to the span that does it, as ``continuing`` says."""
    if here.kind is Kind.SERVER and not here.links:
        here.note(attributes)
        started.started = here.started
    if here.trace_id != started.trace_id:
        started.link(here, {})
        here.link(started, attributes)
