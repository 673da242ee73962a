"""How a plan around a standby ended, as it is told."""

from __future__ import annotations

from typing import Any

from nexus.plans import Outcome


def joined(outcome: Outcome, more: str = "") -> str:
    """The sentence of how it ended, and what is besides."""
    return f"{outcome.sentence()}; {more}" if more else outcome.sentence()


def told(outcome: Outcome, more: str = "") -> dict[str, Any]:
    """The event of how it ended."""
    said = {"state": outcome.state, "sentence": joined(outcome, more), "exit_code": outcome.exit_code}
    return {"event": "outcome", **said}
