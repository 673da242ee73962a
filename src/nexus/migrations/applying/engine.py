"""Applying what is pending of one module."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.ending import AGAIN
from nexus.migrations.applying.faults import LOST, explain
from nexus.migrations.applying.one_migration import apply_one, prepare
from nexus.migrations.applying.restore_point import make_restore_point
from nexus.migrations.applying.session import open_session
from nexus.migrations.applying.settings import Settings, Tell, quiet
from nexus.migrations.errors import HistoryBroken, MigrationFailed
from nexus.migrations.history import History, read_history
from nexus.migrations.history.table import ensure_table
from nexus.migrations.migration import Migration, Source

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

_ROLE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
NO_SUCH = "P3017"  # Prisma: the migration could not be found


async def apply_pending(
    dsn: str,
    source: Source,
    settings: Settings = Settings(),
    tell: Tell = quiet,
    names: Collection[str] | None = None,
) -> tuple[str, ...]:
    """Apply what is pending, in order, each safely; returns the names of what was applied.

    Several callers take turns, Prisma Migrate among them. What was interrupted goes on; nothing is applied
    twice. A call that is cancelled leaves what one leaves that dies: the next goes on.

    Args:
        dsn: a superuser's, of the database.
        names: apply only these; what is pending before them must be among them.

    Raises:
        HistoryBroken: what is recorded and the folder do not go together; nothing was done.
        MigrationUnreadable: a script cannot be read; nothing was done.
        MigrationFailed: PostgreSQL refused a statement, or is away; those before it are applied.
        MigrationBlocked: others hold what it needs, or it would make them wait; those before it are applied.
        asyncpg.PostgresError, OSError: the server cannot be reached at all.
    """
    async with open_session(dsn, source, settings, tell) as session:
        try:
            return await _apply(session, names)
        except (asyncpg.PostgresError, *LOST) as error:
            session.connection.terminate()
            raise MigrationFailed(
                f"{source.module}: its migrations were stopped: {explain(error, None)}; {AGAIN}"
            ) from error


async def _apply(session: Session, names: Collection[str] | None) -> tuple[str, ...]:
    source = session.source
    history = await read_history(session.connection, source)
    chosen = _chosen(history, names)
    if source.format == "command" or not (history.made or chosen):
        return ()  # its command keeps its own record
    await _check_made(session, history)
    await ensure_table(session.connection, source)
    prepared = [await prepare(each) for each in chosen]
    point: str | None = None
    for each in prepared:
        if point is None and session.settings.restore_point:
            session.migration = each.migration
            point = await make_restore_point(session)
        session.durable = each is prepared[-1] or not each.one
        await apply_one(session, history, each, point)
    return tuple(each.name for each in chosen)


async def _check_made(session: Session, history: History) -> None:
    """Whether `provision` has been there. Raises HistoryBroken."""
    source = session.source
    missing = "" if history.made else f"the schema {source.schema}"
    if not missing and not await session.connection.fetchval(_ROLE, source.owner):
        missing = f"the role {source.owner}, who owns the schema {source.schema},"
    if missing:
        raise HistoryBroken(f"{source.module}: {missing} is missing in this database; `nexus up` makes it")


def _chosen(history: History, names: Collection[str] | None) -> tuple[Migration, ...]:
    for problem in history.obstacles:
        diff = f"\n{problem.diff}" if problem.diff else ""
        raise HistoryBroken(f"{problem.sentence}; {problem.mend}{diff}", problem.code)
    if names is None:
        return history.pending
    known = {each.name for each in history.migrations}
    for name in sorted(set(names) - known):
        raise HistoryBroken(f"{history.source.folder}: there is no migration {name} in it", NO_SUCH)
    chosen = tuple(each for each in history.pending if each.name in names)
    before = history.pending[: history.pending.index(chosen[-1])] if chosen else ()
    for each in before:
        if each not in chosen:
            raise HistoryBroken(
                f"{history.source.module}: migration {each.name} comes before {chosen[-1].name} and is not "
                "applied; apply it too"
            )
    return chosen
