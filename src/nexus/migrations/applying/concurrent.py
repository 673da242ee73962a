"""Statements that run in no transaction: CREATE INDEX CONCURRENTLY and its like, VACUUM, CREATE DATABASE.

They cannot be taken back, nor be recorded together with their effect. So it is asked of the catalogue whether
one that was interrupted took effect, and what it left behind is cleaned before it is tried again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
from pglast import ast

from nexus.migrations.applying.concurrent_effect import detaching, finalize, require_valid, took_effect
from nexus.migrations.applying.concurrent_index import Index, leftovers
from nexus.migrations.applying.concurrent_names import keep_dropped
from nexus.migrations.applying.faults import hint
from nexus.migrations.applying.owning import as_owner
from nexus.migrations.applying.retry import retry
from nexus.migrations.applying.steps import forget_step
from nexus.migrations.applying.watch import Watch
from nexus.migrations.errors import MigrationBlocked
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

CLEANING = 2.0  # seconds that cleaning up after a failure waits for old transactions
POLL = 0.2
_BUILDER = """
SELECT pid FROM pg_stat_progress_create_index
WHERE index_relid = $1 AND datname = current_database() AND pid <> pg_backend_pid()
"""


async def run_alone(session: Session, run_id: str, statement: Statement, begun: bool) -> None:
    """Carry out a statement that runs in no transaction, as the module's owner.

    `begun`: an earlier call died in it: where it took effect all the same, nothing is done. An invalid index
    that an earlier try left is dropped first, also where the statement says IF NOT EXISTS; so is the one of
    this try when it fails. `run_id`: of the run whose step it is; what is dropped is remembered there.

    Raises:
        MigrationFailed: an index of this name is there, and invalid.
        MigrationBlocked: old transactions went on for longer than `settings.patience`; they are named.
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: any other end.
    """
    tree = statement.tree
    gentle = _is_gentle(tree)

    async def work(watch: Watch) -> None:
        if begun and await took_effect(session, run_id, statement):
            session.say("resumed", f"had taken effect: {statement.head}", statement.line, run=run_id)
            return
        await _clean(session, statement, session.settings.patience)
        text = statement.sql
        if _detaches(tree) and await detaching(session, tree) == "pending":
            text = await finalize(session, tree)
        if isinstance(tree, ast.DropStmt):
            await keep_dropped(session, run_id, statement)
        async with as_owner(session):
            if gentle:
                await _wait_for_locks(session, session.settings.patience)
            await session.connection.execute(text)
        await require_valid(session, statement)

    try:
        await retry(session, work, statement.line, statement.head, gives_way=not gentle)
    except MigrationBlocked as blocked:
        left = await _after(session, statement)
        raise MigrationBlocked(f"{blocked}. {left}" if left else str(blocked)) from blocked
    except asyncpg.PostgresError as error:
        if left := await _after(session, statement):
            hint(error, left)
        elif isinstance(tree, ast.IndexStmt) and not session.connection.is_closed():
            await forget_step(session.connection, run_id, statement)  # its index is dropped
        raise


def _is_gentle(tree: Any) -> bool:
    """Whether it takes no lock that stops reads or writes, so that it may wait for its locks in the queue."""
    if isinstance(tree, ast.VacuumStmt):
        full = [each for each in tree.options or () if each.defname == "full"]
        return not any(_is_on(each.arg) for each in full)
    if isinstance(tree, ast.ReindexStmt):
        return any(each.defname == "concurrently" and _is_on(each.arg) for each in tree.params or ())
    return isinstance(tree, (ast.IndexStmt, ast.DropStmt))


def _is_on(value: Any) -> bool:
    """An option's value as PostgreSQL reads it: none is true."""
    if isinstance(value, ast.Integer):
        return bool(value.ival)
    return value is None or str(getattr(value, "sval", value)).lower() not in ("false", "off", "0")


def _detaches(tree: Any) -> bool:
    return isinstance(tree, ast.AlterTableStmt)


async def _clean(session: Session, statement: Statement, wait: float) -> None:
    """Drop the invalid indexes that earlier tries left, each when nobody builds it any more."""
    for index in await leftovers(session, statement.tree):
        await _until_nobody_builds(session, statement, index)
        await _wait_for_locks(session, wait)
        await session.connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index.quoted}")
        await session.connection.execute("RESET lock_timeout")
        session.say(
            "cleaned", f"dropped the invalid index {index.quoted}", statement.line, index=index.quoted
        )


async def _after(session: Session, statement: Statement) -> str:
    """Clean up after a failure; return a sentence about what is left, "" when nothing is."""
    connection = session.connection
    if connection.is_closed():
        return ""
    try:
        await session.roll_back()
        if _detaches(statement.tree):
            pending = await detaching(session, statement.tree) == "pending"
            end = await finalize(session, statement.tree) if pending else ""
            return (
                f"The partition is marked as being detached; to end it, apply again or: {end}" if end else ""
            )
        await _clean(session, statement, CLEANING)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, MigrationBlocked) as error:
        return f"What it left could not be cleaned up yet ({error}); applying again does"
    return ""


async def _until_nobody_builds(session: Session, statement: Statement, index: Index) -> None:
    clock = asyncio.get_running_loop()
    began = clock.time()
    told = False
    while pid := await session.connection.fetchval(_BUILDER, index.oid):
        if clock.time() - began > session.settings.patience:
            raise MigrationBlocked(
                f"{statement.place}:{statement.line}: pid {pid} still builds the index {index.quoted}; wait "
                f"for its end, or end it: SELECT pg_terminate_backend({pid})"
            )
        if not told:
            session.say("waiting", f"pid {pid} builds {index.quoted}", statement.line, blockers=[])
        told = True
        await asyncio.sleep(POLL)


async def _wait_for_locks(session: Session, seconds: float) -> None:
    await session.connection.execute(f"SET lock_timeout = {max(1, round(seconds * 1000))}")
