"""Indexes that a concurrent build left behind, and whether an index is the one that a statement makes.

A build that ends early leaves an invalid index: no query uses it, each write pays for it, and a unique one
refuses rows (PostgreSQL manual, CREATE INDEX, "Building Indexes Concurrently").
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
from pglast import ast, parse_sql
from pglast.enums import ReindexObjectType
from pglast.stream import RawStream

from nexus.migrations.applying.concurrent_names import named
from nexus.migrations.applying.owning import begin
from nexus.migrations.quoting import identifier

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

    Connection = asyncpg.Connection[asyncpg.Record]

_INDEXES = """
SELECT c.oid, n.nspname AS schema, c.relname AS name, i.indisvalid AND i.indisready AND i.indislive AS valid,
    pg_get_indexdef(c.oid) AS definition
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
JOIN pg_namespace n ON n.oid = c.relnamespace
"""
_OF_TABLE = f"""{_INDEXES} WHERE i.indrelid = to_regclass($1)
    OR i.indrelid = (SELECT reltoastrelid FROM pg_class WHERE oid = to_regclass($1)) ORDER BY c.oid
"""
_OF_SCHEMA = f"""{_INDEXES} WHERE n.nspname = $1 OR i.indrelid IN (
    SELECT reltoastrelid FROM pg_class p JOIN pg_namespace o ON o.oid = p.relnamespace WHERE o.nspname = $1
) ORDER BY c.oid
"""
_OF_ALL = f"{_INDEXES} WHERE NOT i.indisvalid ORDER BY c.oid"
_TABLE_OF_INDEX = """
SELECT i.indrelid::regclass::text FROM pg_index i WHERE i.indexrelid = to_regclass($1)
"""
_REBUILT = re.compile(r"(.*)_cc(?:new|old)\d*", re.DOTALL)
PROBE = "nexus_probe"


@dataclass(frozen=True)
class Index:
    """An index as the catalogue has it. `definition`: as PostgreSQL writes it."""

    oid: int
    schema: str
    name: str
    valid: bool
    definition: str

    @property
    def quoted(self) -> str:
        """Its name in SQL."""
        return identifier(self.schema, self.name)


async def indexes_of(connection: Connection, table: str) -> tuple[Index, ...]:
    """The indexes of a table and of what it keeps its long values in; none where there is no such table."""
    return tuple(_index(row) for row in await connection.fetch(_OF_TABLE, table))


async def leftovers(session: Session, tree: Any) -> tuple[Index, ...]:
    """Invalid indexes that an earlier try of this CREATE INDEX or REINDEX left."""
    connection = session.connection
    if isinstance(tree, ast.IndexStmt):
        found = await indexes_of(connection, await named(session, tree.relation))
        invalid = [each for each in found if not each.valid]
        if tree.idxname:
            return tuple(each for each in invalid if each.name == tree.idxname)
        return await same_as(session, tree, invalid) if invalid else ()
    if not isinstance(tree, ast.ReindexStmt):
        return ()
    rows: list[Any]
    if tree.kind == ReindexObjectType.REINDEX_OBJECT_INDEX:
        relation: Any = tree.relation
        name = await named(session, relation)
        table = await connection.fetchval(_TABLE_OF_INDEX, name)
        rows = await connection.fetch(_OF_TABLE, table) if table else []
        rows = [row for row in rows if _rebuilds(row["name"], str(relation.relname))]
    elif tree.kind == ReindexObjectType.REINDEX_OBJECT_TABLE:
        rows = await connection.fetch(_OF_TABLE, await named(session, tree.relation))
    elif tree.kind == ReindexObjectType.REINDEX_OBJECT_SCHEMA:
        rows = await connection.fetch(_OF_SCHEMA, tree.name)
    else:
        rows = await connection.fetch(_OF_ALL)
    return tuple(_index(row) for row in rows if not row["valid"] and _rebuilds(row["name"]))


async def same_as(session: Session, tree: Any, indexes: list[Index]) -> tuple[Index, ...]:
    """Those of `indexes` that are what a CREATE INDEX makes, whatever their names are.

    PostgreSQL itself tells: it makes the index on an empty table of the same columns, and takes it back.
    """
    want = await _definition(session, tree)
    return tuple(each for each in indexes if want is not None and _nameless(each.definition) == want)


async def _definition(session: Session, tree: Any) -> Any:
    """What a CREATE INDEX makes, as PostgreSQL writes it, without names; None where it cannot be made so."""
    connection, table = session.connection, await named(session, tree.relation)
    schema = session.source.schema  # where the owner may make tables, whatever the search_path is
    own = f"{identifier(schema)}.{PROBE}"
    probe = copy.deepcopy(tree)
    probe.idxname, probe.concurrent, probe.if_not_exists = f"{PROBE}_index", False, False
    probe.tableSpace = None  # a definition is without it
    probe.relation = ast.RangeVar(schemaname=schema, relname=PROBE, inh=True, relpersistence="p")
    try:
        await connection.execute(f"{begin(session)}; CREATE TABLE {own} (LIKE {table}); {RawStream()(probe)}")
        text = await connection.fetchval("SELECT pg_get_indexdef($1::text::regclass)", f"{own}_index")
    except asyncpg.PostgresError as error:
        if str(error.sqlstate)[:2] != "42":
            raise
        return None  # the statement itself will be refused, with the reason
    finally:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
    return _nameless(text)


def _nameless(definition: str) -> Any:
    tree: Any = parse_sql(definition)[0].stmt
    tree.idxname = tree.relation = None
    return tree


def _rebuilds(name: str, of: str = "") -> bool:
    """Whether REINDEX CONCURRENTLY gives such a name; to the index `of`, which it shortens when long."""
    match = _REBUILT.fullmatch(name)
    return match is not None and (not of or of.startswith(match[1]))


def _index(row: Any) -> Index:
    return Index(row["oid"], row["schema"], row["name"], row["valid"], row["definition"])
