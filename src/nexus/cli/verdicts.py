"""What the guard says of a release, in the operator's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus.cli.language import t


def verdict(told: Mapping[str, Any]) -> str:
    """The sentence of a verdict or of a `rollout` event ("" when it says nothing)."""
    if "text" not in told:
        return str(told.get("sentence") or "")
    said = t(told["text"], service=told["service"])
    reasons = "; ".join(_reason(each) for each in told["told"])
    return f"{said}: {reasons}" if reasons else said


def _reason(reason: Mapping[str, Any]) -> str:
    values = {name: t(value) if isinstance(value, str) else value for name, value in reason["values"].items()}
    return t(reason["text"], **values)
