"""Rows as the engine writes them around the statements of a migration."""

from __future__ import annotations

import uuid
from typing import Any

from nexus.migrations.history.table import FINISH, START, kept_text, table_of
from nexus.migrations.migration import Migration, Source


async def start_row(connection: Any, source: Source, migration: Migration) -> str:
    """Record that a migration begins; returns the row's id."""
    id, start = str(uuid.uuid4()), START.format(table=table_of(source))
    await connection.execute(start, id, migration.checksum, migration.name, kept_text(migration))
    return id


async def finish_row(connection: Any, source: Source, id: str) -> None:
    """Record that it is applied."""
    await connection.execute(FINISH.format(table=table_of(source)), id)
