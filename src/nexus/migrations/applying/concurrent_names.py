"""Which relation a statement means: its names as the script's own search_path finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
from pglast import ast

from nexus.migrations.applying.owning import begin
from nexus.migrations.quoting import identifier
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

    Connection = asyncpg.Connection[asyncpg.Record]

_FOUND = """
SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)
"""
_KEEP = """
UPDATE nexus.migration_step SET detail = detail || jsonb_build_object('drops', $3::text)
WHERE run = $1 AND number = $2
"""
_KEPT = "SELECT detail->>'drops' FROM nexus.migration_step WHERE run = $1 AND number = $2"


async def named(session: Session, relation: Any) -> str:
    """The name of a relation in SQL, with its schema: what the owner finds with all that the script has set
    so far; in the module's schema where there is none.
    """
    if relation.schemaname:
        return identifier(relation.schemaname, relation.relname)
    return identifier(await _schema(session, relation) or session.source.schema, relation.relname)


async def dropped(session: Session, run_id: str, statement: Statement) -> str:
    """The name of what a DROP INDEX drops, as it was first found: once it is gone, the search_path may find
    another of its name.
    """
    connection = session.connection
    kept: str | None = await connection.fetchval(_KEPT, run_id, statement.number)
    return kept or await named(session, _of(statement))


async def keep_dropped(session: Session, run_id: str, statement: Statement) -> None:
    """Remember in the step what it is about to drop, where that is there."""
    relation = _of(statement)
    if relation.schemaname or await _schema(session, relation):
        name = await named(session, relation)
        await session.connection.execute(_KEEP, run_id, statement.number, name)


async def _schema(session: Session, relation: Any) -> str | None:
    connection = session.connection
    await connection.execute(begin(session))
    try:
        found: str | None = await connection.fetchval(_FOUND, identifier(relation.relname))
    finally:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
    return found


def _of(statement: Statement) -> Any:
    tree: Any = statement.tree
    *schema, name = (str(each.sval) for each in tree.objects[0])
    return ast.RangeVar(schemaname=schema[-1] if schema else None, relname=name)
