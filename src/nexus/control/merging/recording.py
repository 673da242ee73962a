"""What the audit trail tells of a merge: which rows were meant, and what was overridden. Pure."""

from __future__ import annotations

from nexus.control.merging.requests import RowsRequest
from nexus.recovery.merging.difference import Difference


def meant(found: Difference) -> str:
    """Which rows, as the operator chose them."""
    tables = ", ".join(found.chosen) or "all tables"
    where = f" where {found.where}" if found.where else ""
    return f"{tables}{where}: {found.policy.words()}"


def reason_of(asked: RowsRequest) -> str:
    """The reason, and for what it was given; "" where nothing was overridden."""
    if asked.override:
        return f"--override: {asked.override}"
    return f"--bypass-triggers: {asked.bypass_triggers}" if asked.bypass_triggers else ""
