"""Applying the migrations of one folder, and what is pending of it, for callers that need no more."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from nexus.migrations.applying import apply_pending
from nexus.migrations.errors import HistoryBroken
from nexus.migrations.history import read_history
from nexus.migrations.migration import Source
from nexus.migrations.roles import owner_of

CONNECT_S = 10.0


async def pending(dsn: str, schema: str, folder: Path) -> list[str]:
    """Names of the migrations of `folder` that `schema` lacks. `dsn`: a superuser of the service's database.

    One that runs at this moment, or was interrupted, is lacking.

    Raises:
        HistoryBroken: the history cannot go on: a failed migration, or one edited after it was applied.
        MigrationUnreadable: the folder cannot be read.
    """
    source = Source(schema, schema, owner_of(schema), schema, folder)
    connection = await asyncpg.connect(dsn, timeout=CONNECT_S)
    try:
        history = await read_history(connection, source)
    finally:
        await connection.close()
    for problem in history.obstacles:
        if problem.kind != "interrupted":
            raise HistoryBroken(f"{problem.sentence}; {problem.mend}", problem.code)
    return [each.name for each in history.pending]


async def apply(dsn: str, schema: str, owner: str, folder: Path, role: str | None = None) -> list[str]:
    """Apply what `schema` lacks, as `owner`, in order; return the names. See `applying.apply_pending`.

    `role` (default: named as the schema) may read the history and no more. Several callers take turns.
    """
    return list(await apply_pending(dsn, Source(schema, schema, owner, role or schema, folder)))
