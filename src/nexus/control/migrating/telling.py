"""What a migration tells while it runs, as events of the control API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nexus.migrations.applying.settings import Told


def told_event(told: Told) -> dict[str, Any]:
    """The event of something that happened inside a step. `detail` holds what clients show in their own
    words: blockers, share, rows.
    """
    return {"event": "told", **asdict(told)}


def outcome(state: str, sentence: str, exit_code: int, **more: Any) -> dict[str, Any]:
    """The last event of an operation."""
    return {"event": "outcome", "state": state, "sentence": sentence, "exit_code": exit_code, **more}
