"""Handled events in their traces: one span per event, whatever number of them a handler takes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nexus_kit import tracing
from nexus_kit.events.event import Event, NotYet
from nexus_kit.spans import Kind, Span

if TYPE_CHECKING:
    from nexus_kit.tx import Tx

UUID_LENGTH = 36


@contextmanager
def handling(tx: Tx, events: Sequence[Event]) -> Iterator[None]:
    """Run the block that handles ``events``; each has a span below the one that told it.

    ``tx.spans`` holds them by event and by entity while the block runs; the block itself works in the first.
    """
    spans = [_started(event) for event in events]
    tx.spans = {
        **{event.entity_id: span for event, span in zip(events, spans, strict=True)},
        **{event.id: span for event, span in zip(events, spans, strict=True)},
    }
    try:
        with tracing.working(spans[0]):
            yield
    except Exception as error:
        _failed(spans, error)
        raise
    finally:
        tx.spans = {}
        for span in spans:
            tracing.end(span)


def _started(event: Event) -> Span:
    span = tracing.start(f"handle {event.type}", event.trace, Kind.CONSUMER)
    span.note(
        {"messaging.message.id": str(event.id), "messaging.destination.name": event.module, **_ids(event)}
    )
    return span


def _ids(event: Event) -> dict[str, Any]:
    """The ids that the event carries; other members may tell of people."""
    return {
        name: value
        for name, value in event.data.items()
        if name.endswith("_id") and isinstance(value, str) and len(value) == UUID_LENGTH
    }


def _failed(spans: Sequence[Span], error: Exception) -> None:
    """An event that came too early is none that failed."""
    for span in spans:
        if isinstance(error, NotYet):
            span.error = ""
            span.happened("not yet", {})
        else:
            span.fail(type(error).__name__)
