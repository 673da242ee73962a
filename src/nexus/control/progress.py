"""A step's progress, as operations tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nexus.plans import StepEvent

Emit = Callable[[dict[str, Any]], None]


@contextmanager
def migrations_told(listeners: set[Emit], emit: Emit) -> Iterator[None]:
    """While the block runs, `emit` is told what happens inside migrations."""

    def heard(event: dict[str, Any]) -> None:
        if event.get("event") == "told":
            emit(event)

    listeners.add(heard)
    try:
        yield
    finally:
        listeners.discard(heard)


def step_told(event: StepEvent) -> dict[str, Any]:
    """The event of a step that began or ended."""
    return {
        "event": "step",
        "kind": event.kind,
        "number": event.number,
        "total": event.total,
        "action": event.step.action,
        "target": event.step.target,
        "arguments": dict(event.step.arguments),
        "does": event.step.does,
        "seconds": round(event.seconds, 3),
        "error": event.error,
    }
