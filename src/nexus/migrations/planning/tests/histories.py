"""Histories as tests need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from nexus.migrations.history.state import History, Problem, Row
from nexus.migrations.migration import Migration, Source, sha256

WHEN = datetime(2026, 11, 1, tzinfo=UTC)


def source(module: str) -> Source:
    return Source(module, module, f"{module}_owner", module, Path(f"modules/{module}/migrations"))


def history(
    module: str,
    pending: Mapping[str, str],
    applied: Sequence[str] = (),
    problems: tuple[Problem, ...] = (),
    resumable: frozenset[str] = frozenset(),
) -> History:
    """`pending`: name → SQL."""
    waiting = tuple(Migration(name, sql, sha256(sql.encode())) for name, sql in pending.items())
    done = tuple(Migration(name, "", "") for name in applied)
    rows = {each: Row(each, "", each, WHEN, WHEN) for each in applied}
    return History(
        source(module), (*done, *waiting), tuple(rows.values()), rows, waiting, resumable, problems
    )


def histories(**pending: Mapping[str, str]) -> dict[str, History]:
    return {module: history(module, told) for module, told in pending.items()}
