"""Errors of PostgreSQL while rows are written, told as what an operator can do. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import asyncpg

from nexus.recovery.errors import MergeRefused
from nexus.recovery.merging.tables import Trigger

NOTHING = "nothing was changed"
# How a SQLSTATE begins that says that the session is lost (manual, appendix A).
_GONE = ("08", "57P", "25P03")
_TABLE = re.compile(
    r'is not present in table "(?P<parent>[^"]+)"|still referenced from table "(?P<child>[^"]+)"'
)


def refusal(
    error: asyncpg.PostgresError, table: str, chosen: Sequence[str], triggers: Sequence[Trigger]
) -> MergeRefused:
    """Why a table's rows could not be written. `chosen`: the tables that are merged; `triggers`: those of
    this one that fire.
    """
    detail = f" ({error.detail})" if getattr(error, "detail", None) else ""
    said = f"{error.args[0] if error.args else error}{detail}"
    context = str(getattr(error, "context", "") or "")
    if triggers and "function" in context and "SQL statement" not in context:
        names = ", ".join(each.name for each in triggers)
        return MergeRefused(
            f"{table}: its trigger ({names}) refuses: {said}; {NOTHING}. The module guards these "
            "rows: correct them through it, choose others with --where, or let the trigger rest with "
            "--bypass-triggers REASON; then all invariants must hold"
        )
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return MergeRefused(f"{table}: {said}; {NOTHING}. {_reference(detail, chosen)}")
    if isinstance(error, asyncpg.UniqueViolationError | asyncpg.ExclusionViolationError):
        return MergeRefused(
            f"{table}: another row has the same value: {said}; {NOTHING}. Where that one was made or changed "
            "since, change or remove it first, or leave the one of then out with --where; values that were "
            "swapped between rows come back only where the constraint is DEFERRABLE"
        )
    if isinstance(error, asyncpg.NotNullViolationError):
        return MergeRefused(
            f"{table}: {said}; {NOTHING}. The column was not there then, or could be empty; give it a "
            "default, or restore the rows elsewhere with --into"
        )
    return MergeRefused(f"{table}: {said}; {NOTHING}")


def gone(error: asyncpg.PostgresError) -> bool:
    """Whether the session is lost with it."""
    return (error.sqlstate or "").startswith(_GONE)


def _reference(detail: str, chosen: Sequence[str]) -> str:
    found = _TABLE.search(detail)
    if found is None:
        return "Choose the tables that belong together"
    name = found["parent"] or found["child"]
    if name not in chosen:
        return f"Its rows belong together with those of {name}: add --table {name}"
    if found["parent"]:
        return f"What it refers to in {name} was not there then either: leave these rows out with --where"
    return f"Rows of {name} that are kept refer to it: leave it out with --where"
