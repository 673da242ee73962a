"""What of the living database decides how much a statement hurts, in few queries of its catalogues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import asyncpg

from nexus.migrations.effects.effect import ForeignKey, Living, Table, TableFacts
from nexus.migrations.effects.measured import filled, impatient, sizes

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_TABLES = """
SELECT n.nspname, c.relname, c.relkind::text AS kind, greatest(c.reltuples, 0)::bigint AS rows,
       c.reltuples < 0 AS unknown,
       coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnum > 0), '{}') AS columns,
       coalesce(array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
                FILTER (WHERE a.attnum > 0), '{}') AS types,
       coalesce(array_agg(CASE WHEN a.attcollation <> y.typcollation THEN l.collname::text ELSE '' END
                          ORDER BY a.attnum) FILTER (WHERE a.attnum > 0), '{}') AS collations,
       coalesce(array_agg(a.attname::text) FILTER (WHERE a.attnotnull AND NOT EXISTS (
           SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated
           AND k.conkey = ARRAY[a.attnum])), '{}') AS not_null
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type y ON y.oid = a.atttypid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'm', 'p', 'f', 'v')
GROUP BY n.nspname, c.oid
"""
_CONSTRAINTS = """
SELECT n.nspname, c.relname, k.conname, k.contype::text AS kind, pg_get_constraintdef(k.oid) AS text,
       k.confdeltype::text AS on_delete, rn.nspname AS other_schema, r.relname AS other_name,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)) AS columns,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = k.confrelid AND a.attnum = ANY(k.confkey)) AS referred
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class r ON r.oid = k.confrelid
LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE (n.nspname = ANY($1) OR rn.nspname = ANY($1))
  AND (k.contype = 'f' OR (k.contype = 'c' AND k.convalidated))
"""
_INDEXES = """
SELECT n.nspname, i.relname AS index, c.relname,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = x.indrelid AND a.attnum = ANY(x.indkey)) AS columns
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1)
"""
_CHILDREN = """
WITH RECURSIVE below AS (
    SELECT inhparent AS root, inhrelid AS child FROM pg_inherits
    UNION SELECT b.root, i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.child
)
SELECT pn.nspname, p.relname, cn.nspname AS child_schema, c.relname AS child
FROM below b
JOIN pg_class p ON p.oid = b.root JOIN pg_namespace pn ON pn.oid = p.relnamespace
JOIN pg_class c ON c.oid = b.child JOIN pg_namespace cn ON cn.oid = c.relnamespace
WHERE pn.nspname = ANY($1) AND p.relkind IN ('r', 'p') ORDER BY 1, 2, 3, 4
"""
_VIEWS = """
WITH RECURSIVE direct AS (
    SELECT DISTINCT d.refobjid AS base, r.ev_class AS view
    FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
      AND r.ev_class <> d.refobjid
), above AS (
    SELECT base, view FROM direct
    UNION SELECT a.base, d.view FROM above a JOIN direct d ON d.base = a.view
)
SELECT bn.nspname, b.relname, vn.nspname AS child_schema, v.relname AS child
FROM above a
JOIN pg_class b ON b.oid = a.base JOIN pg_namespace bn ON bn.oid = b.relnamespace
JOIN pg_class v ON v.oid = a.view AND v.relkind IN ('v', 'm') JOIN pg_namespace vn ON vn.oid = v.relnamespace
WHERE bn.nspname = ANY($1) ORDER BY 1, 2, 3, 4
"""
_DEFAULTS = """
SELECT pn.nspname, p.relname, cn.nspname AS child_schema, c.relname AS child
FROM pg_partitioned_table d
JOIN pg_class p ON p.oid = d.partrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
JOIN pg_class c ON c.oid = d.partdefid JOIN pg_namespace cn ON cn.oid = c.relnamespace
WHERE pn.nspname = ANY($1)
"""
_SEQUENCES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1) AND c.relkind = 'S'
"""
_DOMAINS = """
SELECT DISTINCT n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype = 'd' AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid))
  AND n.nspname <> 'information_schema'
"""
_SETTLED = "SELECT proname::text FROM pg_proc GROUP BY proname HAVING bool_and(provolatile <> 'v')"


async def read_living(connection: Connection, schemas: Collection[str]) -> Living:
    """The tables of `schemas` with their sizes, columns, checks, keys, indexes and partitions.

    Waits for nobody's lock: what cannot be looked at meanwhile is estimated, or counts as the worse case.

    Raises:
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    wanted = sorted(set(schemas))
    tables = await connection.fetch(_TABLES, wanted)
    constraints = await _constraints(connection, wanted)
    indexes = await connection.fetch(_INDEXES, wanted)
    measured = await sizes(connection, wanted)
    unsure = [_table(row) for row in tables if row["rows"] == 0 and row["kind"] in ("r", "p")]
    nonempty = await filled(connection, unsure)
    return Living(
        {
            _table(row): _facts(row, measured.get(_table(row), (0, 0)), nonempty.get(_table(row), True))
            for row in tables
        },
        {table: tuple(texts) for table, texts in _checks(constraints).items()},
        int(await connection.fetchval("SELECT current_setting('server_version_num')::int")),
        {Table(row["nspname"], row["index"]): _table(row) for row in indexes},
        {Table(row["nspname"], row["index"]): tuple(row["columns"]) for row in indexes},
        _keys(constraints),
        _children(await connection.fetch(_CHILDREN, wanted)),
        _children(await connection.fetch(_VIEWS, wanted)),
        frozenset(Table(row[0], row[1]) for row in await connection.fetch(_DOMAINS)),
        frozenset(row[0] for row in await connection.fetch(_SETTLED)),
        {
            _table(row): Table(row["child_schema"], row["child"])
            for row in await connection.fetch(_DEFAULTS, wanted)
        },
        frozenset(_table(row) for row in await connection.fetch(_SEQUENCES, wanted)),
    )


async def _constraints(connection: Connection, schemas: list[str]) -> Collection[Any]:
    """With their texts, for which PostgreSQL locks each table; without where somebody has locked one."""
    try:
        return await impatient(connection, _CONSTRAINTS, schemas)
    except asyncpg.LockNotAvailableError:
        return await connection.fetch(_CONSTRAINTS.replace("pg_get_constraintdef(k.oid)", "NULL"), schemas)


def _table(row: Any) -> Table:
    return Table(row["nspname"], row["relname"])


def _facts(row: Any, measured: tuple[int, int], nonempty: bool) -> TableFacts:
    columns = dict(zip(row["columns"], row["types"], strict=True))
    collations = {name: told for name, told in zip(row["columns"], row["collations"], strict=True) if told}
    rows = -1 if row["unknown"] and nonempty else row["rows"]
    return TableFacts(rows, *measured, columns, frozenset(row["not_null"]), nonempty, row["kind"], collations)


def _checks(rows: Collection[Any]) -> Mapping[Table, list[str]]:
    found: defaultdict[Table, list[str]] = defaultdict(list)
    for row in rows:
        if row["kind"] == "c" and row["text"]:
            found[_table(row)].append(row["text"])
    return found


def _keys(rows: Collection[Any]) -> Mapping[Table, Mapping[str, ForeignKey]]:
    found: defaultdict[Table, dict[str, ForeignKey]] = defaultdict(dict)
    for row in rows:
        if row["kind"] == "f":
            found[_table(row)][row["conname"]] = ForeignKey(
                tuple(row["columns"]),
                Table(row["other_schema"], row["other_name"]),
                tuple(row["referred"]),
                row["on_delete"],
            )
    return found


def _children(rows: Collection[Any]) -> Mapping[Table, tuple[Table, ...]]:
    found: defaultdict[Table, list[Table]] = defaultdict(list)
    for row in rows:
        found[_table(row)].append(Table(row["child_schema"], row["child"]))
    return {table: tuple(children) for table, children in found.items()}
