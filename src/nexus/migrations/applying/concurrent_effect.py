"""Whether a statement outside transactions took effect, where whoever ran it died: the catalogue tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pglast import ast

from nexus.migrations.applying.concurrent_index import indexes_of, same_as
from nexus.migrations.applying.concurrent_names import dropped, named
from nexus.migrations.errors import MigrationFailed
from nexus.migrations.statements import Statement

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

_OF_NAME = """
SELECT i.indisvalid AS valid, c.oid::regclass::text AS name, i.indrelid::regclass::text AS table
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relname = $2 AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass($1))
"""


async def took_effect(session: Session, run_id: str, statement: Statement) -> bool:
    """Whether what the statement does is there; False also for what can be done twice (REINDEX, VACUUM)."""
    connection = session.connection
    match tree := statement.tree:
        case ast.IndexStmt():
            return await _index_is_there(session, tree)
        case ast.DropStmt():
            name = await dropped(session, run_id, statement)
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
    found = await session.connection.fetchval(_DETACHING, *await _parts(session, tree))
    return str(found or "")


async def finalize(session: Session, tree: Any) -> str:
    """The SQL that ends a DETACH PARTITION CONCURRENTLY that was interrupted."""
    table, part = await _parts(session, tree)
    return f"ALTER TABLE {table} DETACH PARTITION {part} FINALIZE"


async def require_valid(session: Session, statement: Statement) -> None:
    """Whether the index that a CREATE INDEX names can be used: IF NOT EXISTS is content with any of its name.

    Raises:
        MigrationFailed: it cannot.
    """
    tree: Any = statement.tree
    if not isinstance(tree, ast.IndexStmt) or not tree.idxname:
        return
    row = await session.connection.fetchrow(_OF_NAME, await named(session, tree.relation), tree.idxname)
    if row is not None and not row["valid"]:
        raise MigrationFailed(
            f"{statement.place}:{statement.line}: {statement.head}: there is an index {row['name']} already, "
            f"of {row['table']}, and it is invalid. Look at what it is, then DROP INDEX CONCURRENTLY "
            f"{row['name']}"
        )


async def _parts(session: Session, tree: Any) -> tuple[str, str]:
    return await named(session, tree.relation), await named(session, tree.cmds[0].def_.name)


async def _index_is_there(session: Session, tree: Any) -> bool:
    found = await indexes_of(session.connection, await named(session, tree.relation))
    valid = [each for each in found if each.valid and tree.idxname in (None, each.name)]
    return bool(valid and await same_as(session, tree, valid))
