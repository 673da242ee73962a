"""Whether a statement outside transactions took effect, where whoever ran it died: the catalogue tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pglast import ast

from nexus.migrations.applying.concurrent_index import indexes_of, qualified, same_as
from nexus.migrations.history.table import quoted

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

_DATABASE = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
_TABLESPACE = "SELECT EXISTS (SELECT FROM pg_tablespace WHERE spcname = $1)"
_SUBSCRIPTION = """
SELECT EXISTS (SELECT FROM pg_subscription WHERE subname = $1
    AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_DETACHING = """
SELECT CASE WHEN inhdetachpending THEN 'pending' ELSE 'attached' END FROM pg_inherits
WHERE inhparent = to_regclass($1) AND inhrelid = to_regclass($2)
"""


async def took_effect(session: Session, tree: Any) -> bool:
    """Whether what the statement does is there; False also for what can be done twice (REINDEX, VACUUM)."""
    connection = session.connection
    match tree:
        case ast.IndexStmt():
            return await _index_is_there(session, tree)
        case ast.DropStmt():
            name = _dropped(tree, session.source.schema)
            return await connection.fetchval("SELECT to_regclass($1)", name) is None
        case ast.AlterTableStmt():
            return await detaching(session, tree) == ""
        case ast.CreatedbStmt():
            return bool(await connection.fetchval(_DATABASE, tree.dbname))
        case ast.DropdbStmt():
            return not await connection.fetchval(_DATABASE, tree.dbname)
        case ast.CreateTableSpaceStmt():
            return bool(await connection.fetchval(_TABLESPACE, tree.tablespacename))
        case ast.DropTableSpaceStmt():
            return not await connection.fetchval(_TABLESPACE, tree.tablespacename)
        case ast.CreateSubscriptionStmt():
            return bool(await connection.fetchval(_SUBSCRIPTION, tree.subname))
        case ast.DropSubscriptionStmt():
            return not await connection.fetchval(_SUBSCRIPTION, tree.subname)
    return False


async def detaching(session: Session, tree: Any) -> str:
    """How far DETACH PARTITION CONCURRENTLY is: "attached", "pending" (to be finalized), "" (detached)."""
    schema = session.source.schema
    partition = tree.cmds[0].def_.name
    found = await session.connection.fetchval(
        _DETACHING, qualified(tree.relation, schema), qualified(partition, schema)
    )
    return str(found or "")


def finalize(tree: Any, schema: str) -> str:
    """The SQL that ends a DETACH PARTITION CONCURRENTLY that was interrupted."""
    partition = tree.cmds[0].def_.name
    table, part = qualified(tree.relation, schema), qualified(partition, schema)
    return f"ALTER TABLE {table} DETACH PARTITION {part} FINALIZE"


async def _index_is_there(session: Session, tree: Any) -> bool:
    found = await indexes_of(session.connection, qualified(tree.relation, session.source.schema))
    named = [each for each in found if each.valid and tree.idxname in (None, each.name)]
    return bool(named and await same_as(session, tree, named))


def _dropped(tree: Any, schema: str) -> str:
    parts = [str(each.sval) for each in tree.objects[0]]
    return ".".join(quoted(each) for each in (parts if len(parts) > 1 else [schema, *parts]))
