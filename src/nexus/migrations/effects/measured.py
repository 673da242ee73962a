"""How large tables are and whether they hold a row, without waiting for who has locked one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import asyncpg

from nexus.migrations.effects.effect import Table
from nexus.migrations.quoting import identifier

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

PATIENCE = "500ms"  # that a look may wait for a lock
_SIZES = """
SELECT n.nspname, c.relname, pg_table_size(c.oid) AS bytes, pg_total_relation_size(c.oid) AS total
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'm', 'p')
"""
# As the last VACUUM or ANALYZE counted them: the functions above lock each table, this locks none.
_PAGES = """
SELECT n.nspname, c.relname, b.size * (c.relpages + coalesce(t.relpages, 0)) AS bytes,
       b.size * (c.relpages + coalesce(t.relpages, 0) + coalesce(i.pages, 0)) AS total
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN (SELECT current_setting('block_size')::bigint AS size) b
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
LEFT JOIN LATERAL (
    SELECT sum(x.relpages)::bigint AS pages FROM pg_index p JOIN pg_class x ON x.oid = p.indexrelid
    WHERE p.indrelid = c.oid
) i ON true
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'm', 'p')
"""


async def sizes(connection: Connection, schemas: Collection[str]) -> Mapping[Table, tuple[int, int]]:
    """Table → its bytes with TOAST, and with its indexes too; estimated where somebody has locked one.

    Raises:
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    try:
        rows = await impatient(connection, _SIZES, list(schemas))
    except asyncpg.LockNotAvailableError:
        rows = await connection.fetch(_PAGES, list(schemas))
    return {Table(row["nspname"], row["relname"]): (row["bytes"], row["total"]) for row in rows}


async def filled(connection: Connection, tables: Collection[Table]) -> Mapping[Table, bool]:
    """Whether each table holds a row; where somebody has locked one, all are taken to hold some.

    Raises:
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    if not tables:
        return {}
    each = ", ".join(f"EXISTS (SELECT FROM {identifier(*t)})" for t in tables)
    try:
        (row,) = await impatient(connection, f"SELECT ARRAY[{each}]")
    except asyncpg.LockNotAvailableError:
        return dict.fromkeys(tables, True)
    return dict(zip(tables, row[0], strict=True))


async def impatient(connection: Connection, query: str, *values: Any) -> list[asyncpg.Record]:
    """The rows of a query.

    Raises:
        asyncpg.LockNotAvailableError: somebody has locked what it looks at.
    """
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        return await connection.fetch(query, *values)
