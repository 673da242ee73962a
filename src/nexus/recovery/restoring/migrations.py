"""The restore points that are made before migrations, and which migration each one is of."""

from __future__ import annotations

import asyncpg

from nexus.migrations.applying.restore_point import LONGEST

SHORTEST = 8  # letters of a migration's name that must be left where it was cut
_MADE = """
SELECT schema_name, migration, coalesce(restore_point, '') AS point FROM nexus.migration_run
WHERE migration = $1 OR schema_name || '/' || migration = $1 OR right(migration, length($1) + 1) = '_' || $1
ORDER BY started_at DESC LIMIT 1
"""


async def made_before(url: str, migration: str) -> str | None:
    """The restore point of a migration's latest run, as the living database has noted it ("" = it was run
    without one). None where the database does not answer, or knows no such migration.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return None
    try:
        row = await connection.fetchrow(_MADE, migration)
        return None if row is None else str(row["point"])
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.PostgresConnectionError):
        return None
    finally:
        await connection.close()


def matching(point: str, migration: str) -> bool:
    """Whether a restore point was made before a migration: `crm/20261101000100_customers`, the name alone, or
    its last words. Long names were cut (see `point_name`).
    """
    middle = point.removeprefix("nexus-").rpartition("-")[0]
    wanted = migration.replace("/", "-", 1)
    if middle == wanted or middle.endswith((f"-{wanted}", f"_{wanted}")):
        return True
    if len(point.encode()) < LONGEST:
        return False
    return any(middle.endswith(f"-{wanted[:end]}") for end in range(SHORTEST, len(wanted))) or (
        wanted.startswith(middle) and len(middle) > SHORTEST
    )
