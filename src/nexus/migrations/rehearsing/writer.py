"""The writes of one table that change nothing a business asks about.

An update sets a column to what it is, and is committed. An insert copies a row under a new key, and a delete
removes one: both take their locks and do their work, and are rolled back, so that the books stay as they are.
What a table refuses (a trigger, a constraint) is done as an update instead, and said.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import asyncpg

from nexus.migrations.effects.effect import Table
from nexus.migrations.quoting import identifier
from nexus.migrations.rehearsing.made_up import made_up

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

Kind = Literal["update", "insert", "delete"]
SAMPLE = 1000  # keys
_COLUMNS = """
SELECT quote_ident(a.attname) AS name, format_type(a.atttypid, a.atttypmod) AS type,
    a.attidentity <> '' AS identity, a.attidentity = 'a' AS always,
    (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = a.attrelid
        AND d.adnum = a.attnum) ~ 'nextval|uuid|random' AS counted,
    EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = a.attrelid AND c.contype = 'f'
        AND a.attnum = ANY(c.conkey)) AS refers,
    a.attgenerated <> '' AS generated, a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS needed,
    (SELECT t.typtype FROM pg_type t WHERE t.oid = a.atttypid) AS sort,
    (SELECT t.typcategory FROM pg_type t WHERE t.oid = a.atttypid) AS family,
    a.attnum = ANY(coalesce((SELECT i.indkey::int2[] FROM pg_index i
        WHERE i.indrelid = a.attrelid AND i.indisprimary), '{}')) AS key,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND a.attnum = ANY(i.indkey::int2[]))
        AS indexed
FROM pg_attribute a
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_UNIQUE = """
SELECT array(SELECT quote_ident(a.attname) FROM pg_attribute a
    WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::int2[])) AS columns
FROM pg_index i WHERE i.indrelid = $1::regclass AND i.indisunique
"""
_IS_TABLE = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p'))"


@dataclass(frozen=True)
class Writer:
    """How one table is written. `keys` are of rows that are there; `notes` say what is done otherwise."""

    table: Table
    update: str
    insert: str
    delete: str
    keys: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()

    async def write(self, connection: Connection, kind: Kind, chance: random.Random) -> None:
        """Writes one row, as `kind` says where the table lets it.

        Raises:
            asyncpg.PostgresError, OSError: it did not succeed.
        """
        wanted = {"update": self.update, "insert": self.insert, "delete": self.delete}[kind]
        statement = (wanted if self.keys else self.insert) or self.update or self.insert
        width = statement.count("$")
        key = chance.choice(self.keys)[:width] if self.keys else (None,) * width
        if statement == self.update:
            await connection.execute(statement, *key)
        else:
            await _rolled_back(connection, statement, key)


async def writer_of(connection: Connection, table: Table) -> Writer | None:
    """How a table can be written; None where there is no such table, or it cannot be written at all.

    Tries each kind of write once, and rolls it back.

    Raises:
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    name = identifier(*table)
    if not await connection.fetchval(_IS_TABLE, name):
        return None
    columns = await connection.fetch(_COLUMNS, name)
    unique = [set(row["columns"]) for row in await connection.fetch(_UNIQUE, name)]
    key = [column for column in columns if column["key"]]
    where = " AND ".join(f"{c['name']} = ${n}::text::{c['type']}" for n, c in enumerate(key, 1))
    if not where:  # a row by its place: it may have moved, then nothing is found
        where = "ctid = $1::text::tid"
    update = _update(name, columns, where)
    insert = _insert(name, columns, unique, where)
    delete = f"DELETE FROM {name} WHERE {where}"
    keys = await _keys(connection, name, [str(column["name"]) for column in key] or ["ctid"])
    if not keys:
        return await _of_empty(connection, table, columns, update)
    tried = {kind: await _trial(connection, sql, keys[0]) for kind, sql in
             (("update", update), ("insert", insert), ("delete", delete))}  # fmt: skip
    notes = tuple(f"{table}: {kind}s are done as updates: {why}" for kind, why in tried.items() if why)
    found = Writer(
        table,
        "" if tried["update"] else update,
        "" if tried["insert"] else insert,
        "" if tried["delete"] else delete,
        keys,
        notes,
    )
    if tried["update"]:
        notes = (f"{table}: updates are not done: {tried['update']}",)
        return Writer(table, "", found.insert, found.delete, keys, notes) if found.insert else None
    return found


async def _of_empty(
    connection: Connection, table: Table, columns: Sequence[asyncpg.Record], update: str
) -> Writer | None:
    """A table without rows gets one that is made up, and rolled back, where its columns let that be."""
    insert = made_up(identifier(*table), columns)
    why = await _trial(connection, insert, ()) if insert else "no value can be made up for what it requires"
    if not why:
        return Writer(table, update, insert, "", (), (f"{table} has no row: each write is an insert",))
    told = f"{table} has no row: its lock is taken, and nothing is written: {why}"
    return Writer(table, update, "", "", (), (told,)) if update else None


def _update(name: str, columns: Sequence[asyncpg.Record], where: str) -> str:
    free = [c for c in columns if not c["generated"] and not c["always"]]
    best = sorted(free, key=lambda c: (c["key"], c["indexed"]))
    return f"UPDATE {name} SET {best[0]['name']} = {best[0]['name']} WHERE {where}" if best else ""


def _insert(name: str, columns: Sequence[asyncpg.Record], unique: Sequence[set[str]], where: str) -> str:
    """A copy of a row with a new value in each set of columns that must be unique; "" where none can be made
    up. What refers to other tables stays as it is where that is possible: the row there must exist.
    """
    values = {str(c["name"]): str(c["name"]) for c in columns if not c["generated"] and not c["identity"]}
    renewed = {str(c["name"]) for c in columns if c["identity"]}
    by_choice = sorted(columns, key=lambda c: (c["refers"], not c["counted"]))
    for together in unique:
        if together & renewed:
            continue
        fresh = ((str(c["name"]), _fresh(c)) for c in by_choice if str(c["name"]) in together & values.keys())
        found = next(((own, value) for own, value in fresh if value), None)
        if found is None:
            return ""
        values[found[0]] = found[1]
        renewed.add(found[0])
    into, chosen = ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO {name} ({into}) SELECT {chosen} FROM {name} WHERE {where}"


def _fresh(column: asyncpg.Record) -> str:
    """An expression for a value that no row has; "" where none is known."""
    kind = str(column["type"])
    if kind == "uuid":
        return "gen_random_uuid()"
    if kind in ("integer", "bigint"):
        return f"(1000000000 + 1000000000 * random())::{kind}"
    return f"md5(random()::text)::{kind}" if kind.startswith(("text", "character varying")) else ""


async def _keys(connection: Connection, name: str, key: Sequence[str]) -> list[tuple[str, ...]]:
    told = ", ".join(f"{each}::text" for each in key)
    pages = await connection.fetchval(
        "SELECT greatest(1, relpages) FROM pg_class WHERE oid = $1::regclass", name
    )
    share = min(100.0, 100.0 * 200 / pages)
    sampled = f"SELECT {told} FROM {name} TABLESAMPLE SYSTEM ({share:.6f}) LIMIT {SAMPLE}"
    rows = await connection.fetch(sampled) or await connection.fetch(
        f"SELECT {told} FROM {name} LIMIT {SAMPLE}"
    )
    return [tuple(row) for row in rows]


async def _trial(connection: Connection, sql: str, key: tuple[str, ...]) -> str:
    """Why a write is not possible; "" when it is."""
    if not sql:
        return "no value can be made up for what must be unique, or set"
    try:
        await _rolled_back(connection, sql, key)
    except asyncpg.PostgresError as error:
        return str(error).splitlines()[0]
    return ""


async def _rolled_back(connection: Connection, sql: str, key: tuple[Any, ...]) -> None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(sql, *key[: sql.count("$")])
    finally:
        if not connection.is_closed():
            await transaction.rollback()
