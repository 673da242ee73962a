"""The table that a backfill walks over: its size, and the key that its rows are told apart by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus.migrations.applying.backfill_conflict import ignores_its_own
from nexus.migrations.applying.backfill_statement import Batched, refuse

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_TREE = """
WITH RECURSIVE tree (oid) AS (
    SELECT $1::text::regclass::oid
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN tree t ON i.inhparent = t.oid WHERE NOT $2::bool
)
"""
_FACTS = f"""{_TREE}
SELECT c.oid = $1::text::regclass AS root, c.relkind::text AS kind,
    CASE WHEN c.relkind = 'p' THEN 0 ELSE greatest(c.reltuples, 0)::float8 END AS rows,
    CASE WHEN c.relkind IN ('r', 'm', 't')
        THEN ceil(pg_relation_size(c.oid)::float8 / current_setting('block_size')::int)::bigint
        ELSE 0 END AS pages,
    c.oid = to_regclass($3::text)::oid AS written
FROM tree t JOIN pg_class c ON c.oid = t.oid
"""
_KEY = """
SELECT array_agg(quote_ident(a.attname) ORDER BY k.place) AS columns,
    array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY k.place) AS types
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = $1::text::regclass AND i.indisunique AND i.indisvalid AND i.indisready
    AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
GROUP BY i.indexrelid, i.indisprimary
HAVING bool_and(a.attnotnull AND a.attgenerated = '' AND a.attname <> ALL ($2::text[]))
ORDER BY i.indisprimary DESC, count(*), i.indexrelid LIMIT 1
"""
_AGGREGATES = """
SELECT DISTINCT proname::text FROM pg_proc WHERE prokind IN ('a', 'w') AND proname = ANY ($1::text[])
"""
_KINDS = {"v": "a view", "f": "a foreign table", "S": "a sequence", "i": "an index", "c": "a type"}


@dataclass(frozen=True)
class Key:
    """Columns (quoted) that are never null, and their types; a unique index has them in this order."""

    columns: tuple[str, ...]
    types: tuple[str, ...]


@dataclass(frozen=True)
class Walked:
    """`rows`: as last estimated, over all partitions (0 = not known). `pages`: of the largest of them.

    `key`: None where none is usable, since there is none or the statement changes it. `lockable`: others'
    writes can be stopped. `ignores`: an INSERT that does nothing for rows that it has written before.
    """

    rows: float
    pages: int
    key: Key | None
    lockable: bool = True
    ignores: bool = False


async def read_table(connection: Connection, batch: Batched) -> Walked:
    """What is known of the table that `batch` walks over; in a transaction as the module's owner.

    Raises:
        MigrationUnreadable: batches of it could not be told apart.
        asyncpg.PostgresError: there is no such table.
    """
    statement = batch.statement
    aggregates = await connection.fetch(_AGGREGATES, sorted(batch.calls))
    if aggregates:
        refuse(statement, f"its {aggregates[0][0]}() looks at all rows at once")
    facts = await connection.fetch(_FACTS, batch.table, batch.only, batch.target)
    kind = next(row["kind"] for row in facts if row["root"])
    if kind not in ("r", "p", "m"):
        refuse(statement, f"{batch.table} is {_KINDS.get(kind, 'not a table')}")
    if batch.kind == "INSERT" and any(row["written"] for row in facts):
        refuse(statement, f"it reads {batch.table}, of which {batch.target} is a part: it would never end")
    row = await connection.fetchrow(_KEY, batch.table, sorted(batch.sets))
    key = None if row is None else Key(tuple(row["columns"]), tuple(row["types"]))
    ignores = batch.kind == "INSERT" and await ignores_its_own(connection, batch)
    if key is None:
        _without_key(batch, ignores, foreign=any(row["kind"] == "f" for row in facts))
    rows, pages = sum(row["rows"] for row in facts), max(row["pages"] for row in facts)
    return Walked(rows, pages, key, lockable=kind != "m", ignores=ignores)


def _without_key(batch: Batched, ignores: bool, foreign: bool) -> None:
    """Rows move between pages when they are updated, by us or others; only a statement that leaves alone
    what is done can go over them page by page.
    """
    lacks = f"{batch.table} has no unique index of columns that are never null and not set by it"
    if foreign:
        refuse(batch.statement, f"{lacks}, and parts of it are foreign tables")
    if batch.kind == "UPDATE" and not batch.conditional:
        refuse(
            batch.statement,
            f"{lacks}; give it a primary key, or a WHERE that leaves out rows that are done",
        )
    if batch.kind == "UPDATE" and batch.returns:
        refuse(batch.statement, f"{lacks}; take its RETURNING away")
    if batch.kind == "INSERT" and not ignores:
        refuse(
            batch.statement,
            f"{lacks}; give it a primary key, or write ON CONFLICT DO NOTHING and columns of it into all "
            f"columns of a unique index of {batch.target}, so that a row that is there is told by it",
        )
