"""A table of a module that a disaster befalls, and what is remembered of its rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import asyncpg

from nexus.control.drilling.proofs import Clock
from nexus.migrations.quoting import identifier
from nexus.recovery.drilling.proving import TABLE
from nexus.recovery.drilling.report import Finding
from nexus.stack import Stack

REMEMBERED = 100_000  # rows
_OWN = r"^(_prisma_migrations|outbox|inbox|nexus_.*)$"  # of the chassis and the platform
# Ordinary tables with a primary key, the one with most rows first; and their numeric columns that are no key.
_TABLES = f"""
SELECT n.nspname AS schema, c.relname AS name,
       (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = c.oid AND i.indisprimary)::text[] AS key,
       (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.atttypid = 'numeric'::regtype AND NOT a.attisdropped
        AND a.attgenerated = ''
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'f')
                        AND a.attnum = ANY (k.conkey)))::text[] AS amounts
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND NOT c.relispartition AND n.nspname = ANY ($1) AND c.relname !~ '{_OWN}'
AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
"""


@dataclass(frozen=True)
class Table:
    """`module`: whose it is; `key`: the columns of its primary key; `amounts`: its numeric ones; `rows`."""

    module: str
    schema: str
    name: str
    key: tuple[str, ...]
    amounts: tuple[str, ...]
    rows: int

    @property
    def quoted(self) -> str:
        """As SQL names it."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


async def tables(connection: asyncpg.Connection[asyncpg.Record], stack: Stack) -> list[Table]:
    """The tables of all modules that hold rows, the largest first."""
    owners = {each.database.schema_: each.name for each in stack.services if each.database is not None}
    found = []
    for row in await connection.fetch(_TABLES, list(owners)):
        key, amounts = tuple(row["key"]), tuple(row["amounts"] or ())
        table = Table(owners[row["schema"]], row["schema"], row["name"], key, amounts, 0)
        count = await connection.fetchval(f"SELECT count(*) FROM {table.quoted}")
        if count:
            found.append(Table(table.module, table.schema, table.name, key, amounts, count))
    return sorted(found, key=lambda each: (-each.rows, str(each)))


async def remembered(
    connection: asyncpg.Connection[asyncpg.Record], table: Table, *columns: str
) -> frozenset[str]:
    """The first rows by key: their keys, with some columns."""
    order = ", ".join(identifier(each) for each in table.key)
    wanted = ", ".join(f"{identifier(each)}::text" for each in (*table.key, *columns))
    rows = await connection.fetch(
        f"SELECT jsonb_build_array({wanted})::text FROM {table.quoted} ORDER BY {order} LIMIT {REMEMBERED}"
    )
    return frozenset(row[0] for row in rows)


def same(table: Table, then: Collection[str], now: Collection[str]) -> Finding:
    """Whether all rows are there as they were; there may be new ones. Pure."""
    clock, lost = Clock(), len(set(then) - set(now))
    if lost or not then:
        text = "{table} is not what it was: {then} before, {now} after"
        return clock.finding(TABLE, "failed", text, table=table, then=len(then), now=len(then) - lost)
    return clock.finding(TABLE, "passed", "{table} is what it was: {rows} rows", table=table, rows=len(then))
