"""A step's progress, as operations tell it."""

from __future__ import annotations

from typing import Any

from nexus.plans import StepEvent


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
