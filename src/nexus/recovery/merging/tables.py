"""What the tables of a schema are like, as the catalogue of a server tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.quoting import identifier

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

INSERT, DELETE, UPDATE = 4, 8, 16  # bits of pg_trigger.tgtype (src/include/catalog/pg_trigger.h)
FIRES = ("O", "A")  # pg_trigger.tgenabled: not disabled, and not for replicas alone

# format_type(…, -1) is the type without its length: a cast to it never cuts anything off.
_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, -1) AS type,
    format_type(a.atttypid, a.atttypmod) AS declared, a.attgenerated <> '' AS generated,
    a.attidentity = 'a' AS always, r.rolname AS owner, r.rolsuper OR c.relforcerowsecurity AS as_superuser,
    pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname) AS sequence,
    c.relkind = 'p' AS partitioned
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_roles AS r ON r.oid = c.relowner
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname, a.attnum
"""
_KEYS = """
SELECT c.relname, array_agg(a.attname::text ORDER BY k.position) AS columns
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace,
    unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, position), pg_attribute AS a
WHERE n.nspname = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    AND k.position <= i.indnkeyatts AND a.attrelid = c.oid AND a.attnum = k.number
GROUP BY c.relname, i.indexrelid, i.indisprimary
HAVING bool_and(a.attnotnull AND a.attgenerated = '')
ORDER BY c.relname, i.indisprimary DESC, count(*), i.indexrelid
"""
_REFERENCES = """
SELECT f.conname, fn.nspname AS schema, fc.relname AS table, tn.nspname AS to_schema, tc.relname AS to_table,
    f.confdeltype::text AS on_delete, f.confupdtype::text AS on_update, f.condeferrable AS deferrable,
    (SELECT array_agg(attname::text ORDER BY p) FROM unnest(f.conkey) WITH ORDINALITY AS k (n, p)
        JOIN pg_attribute ON attrelid = f.conrelid AND attnum = n) AS columns,
    (SELECT array_agg(attname::text ORDER BY p) FROM unnest(f.confkey) WITH ORDINALITY AS k (n, p)
        JOIN pg_attribute ON attrelid = f.confrelid AND attnum = n) AS to_columns
FROM pg_constraint AS f
JOIN pg_class AS fc ON fc.oid = f.conrelid JOIN pg_namespace AS fn ON fn.oid = fc.relnamespace
JOIN pg_class AS tc ON tc.oid = f.confrelid JOIN pg_namespace AS tn ON tn.oid = tc.relnamespace
WHERE f.contype = 'f' AND f.conparentid = 0 AND $1 IN (fn.nspname, tn.nspname)
ORDER BY fn.nspname, fc.relname, f.conname
"""
_TRIGGERS = """
SELECT c.relname, t.tgname, t.tgtype, t.tgenabled::text AS enabled
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND NOT t.tgisinternal ORDER BY c.relname, t.tgname
"""


@dataclass(frozen=True)
class Column:
    """`type` without its length, `declared` with it. `generated`: computed from others; `always`: a number
    that only the server gives out; `sequence`: where it comes from.
    """

    name: str
    type: str
    declared: str
    generated: bool = False
    always: bool = False
    sequence: str | None = None


@dataclass(frozen=True)
class Reference:
    """A foreign key. `on_delete`, `on_update`: pg_constraint.confdeltype and confupdtype, a and r: nothing is
    deleted or changed along.
    """

    name: str
    schema: str
    table: str
    columns: tuple[str, ...]
    to_schema: str
    to_table: str
    to_columns: tuple[str, ...]
    on_delete: str = "a"
    deferrable: bool = False
    on_update: str = "a"


@dataclass(frozen=True)
class Trigger:
    """A trigger that somebody wrote, and that fires. `kind`: the bits of pg_trigger.tgtype."""

    name: str
    kind: int
    always: bool = False

    def fires_at(self, *events: int) -> bool:
        """Whether one of these makes it fire."""
        return any(self.kind & each for each in events)


@dataclass(frozen=True)
class Table:
    """One table. `key`: the columns that tell its rows apart, () where there are none; `references`: of it
    and to it; `as_superuser`: its owner could not see or write all of it; `partitioned`: its rows lie in its
    partitions.
    """

    schema: str
    name: str
    owner: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    as_superuser: bool = False
    partitioned: bool = False

    @property
    def quoted(self) -> str:
        """Its name in SQL."""
        return identifier(self.schema, self.name)

    @property
    def rows(self) -> str:
        """Its own rows in SQL, without those of tables that inherit from it."""
        return self.quoted if self.partitioned else f"ONLY {self.quoted}"

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((each for each in self.columns if each.name == name), None)


async def read_tables(connection: Connection, schema: str) -> Mapping[str, Table]:
    """The tables of a schema by name; partitions are part of theirs."""
    columns: defaultdict[str, list[Column]] = defaultdict(list)
    first: dict[str, asyncpg.Record] = {}
    for row in await connection.fetch(_COLUMNS, schema):
        first.setdefault(row["relname"], row)
        fields = ("type", "declared", "generated", "always", "sequence")
        columns[row["relname"]].append(Column(row["attname"], *(row[field] for field in fields)))
    keys: dict[str, tuple[str, ...]] = {}
    for row in await connection.fetch(_KEYS, schema):
        keys.setdefault(row["relname"], tuple(row["columns"]))
    references = [_reference(row) for row in await connection.fetch(_REFERENCES, schema)]
    triggers: defaultdict[str, list[Trigger]] = defaultdict(list)
    for row in await connection.fetch(_TRIGGERS, schema):
        if row["enabled"] in FIRES:
            fires = Trigger(row["tgname"], row["tgtype"], row["enabled"] == "A")
            triggers[row["relname"]].append(fires)
    return {
        name: Table(
            schema,
            name,
            row["owner"],
            tuple(columns[name]),
            keys.get(name, ()),
            tuple(
                each
                for each in references
                if (schema, name) in ((each.schema, each.table), (each.to_schema, each.to_table))
            ),
            tuple(triggers[name]),
            row["as_superuser"],
            row["partitioned"],
        )
        for name, row in first.items()
    }


def _reference(row: asyncpg.Record) -> Reference:
    return Reference(
        row["conname"],
        row["schema"],
        row["table"],
        tuple(row["columns"]),
        row["to_schema"],
        row["to_table"],
        tuple(row["to_columns"]),
        row["on_delete"],
        row["deferrable"],
        row["on_update"],
    )
