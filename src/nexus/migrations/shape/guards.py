"""Proving that a column holds nothing while others write: constraints that are looked through without a lock
that stops anybody, and that refuse what would be lost from then on.

`ADD CONSTRAINT … NOT VALID` needs a strong lock for a moment, `VALIDATE CONSTRAINT` reads the whole table
under SHARE UPDATE EXCLUSIVE, which reads and writes pass (PostgreSQL manual, ALTER TABLE, Notes).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.backends import spoken
from nexus.migrations.applying.retry import retry
from nexus.migrations.applying.watch import Watch
from nexus.migrations.errors import MigrationBlocked
from nexus.migrations.shape.losses import Loss, lost
from nexus.migrations.shape.quoting import name

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

PREFIX = "nexus_undo_guard_"
_LEFT = """
SELECT n.nspname AS schema, r.relname AS table, c.conname AS name
FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE n.nspname = $1 AND c.contype = 'c' AND c.conislocal AND c.coninhcount = 0
  AND starts_with(c.conname, $2)
"""


@asynccontextmanager
async def guarded(session: Session, losses: Sequence[Loss]) -> AsyncIterator[tuple[str, ...]]:
    """Of columns, what would be lost, as sentences: none, and none comes meanwhile, or some.

    Raises:
        MigrationBlocked: others hold a table for too long; nothing is left.
    """
    guards = _guards(losses)
    try:
        written: tuple[str, ...] = ()
        for guard, loss in guards:
            try:
                await patiently(session, _doing(session, _add(guard, loss)))
                await patiently(session, _doing(session, _validate(guard, loss)), gives_way=False)
            except asyncpg.CheckViolationError:
                await session.roll_back()
                written = await lost(session.connection, [loss], exact=False)
                break
        yield written
    finally:
        if not session.connection.is_closed():
            await drop_left(session)


async def drop_left(session: Session) -> None:
    """Drop the guards that are there, of a run that was killed too."""
    await session.roll_back()
    for row in await session.connection.fetch(_LEFT, session.source.schema, PREFIX):
        sql = f"ALTER TABLE {name(row['schema'], row['table'])} DROP CONSTRAINT {name(row['name'])}"
        await patiently(session, _doing(session, sql))


def unguard(losses: Sequence[Loss]) -> tuple[str, ...]:
    """SQL that drops the guards that did not go with their columns."""
    return tuple(
        f"ALTER TABLE {loss.table} DROP CONSTRAINT IF EXISTS {guard}" for guard, loss in _guards(losses)
    )


async def patiently(
    session: Session, work: Callable[[Watch], Awaitable[None]], gives_way: bool = True
) -> None:
    """`retry`, that tells of an undo who is in its way.

    Raises:
        MigrationBlocked: it was tried for longer than `settings.patience`; nothing of it is left.
    """
    seen: list[Watch] = []

    async def watched(watch: Watch) -> None:
        seen[:] = [watch]
        await work(watch)

    try:
        await retry(session, watched, gives_way=gives_way)
    except MigrationBlocked as error:
        raise MigrationBlocked(_told(session, seen[0]), error.code) from error


def _told(session: Session, watch: Watch) -> str:
    what = f"{session.source.module}: migration {session.migration.name} could not be taken back within "
    what += f"{spoken(session.settings.patience)}; "
    if watch.gave_way:
        who = watch.waiters[0]
        return (
            f"{what}each time {watch.head} made others wait for {spoken(session.max_block)}, the longest "
            f"{who.sentence}; it gave way, and nothing is changed. Try again when less is written there"
        )
    who_holds = ", ".join(each.sentence for each in watch.blockers) or "others, who could not be seen,"
    ends = " or ".join(f"SELECT pg_terminate_backend({each.pid})" for each in watch.blockers if each.pid)
    end = f", or end them: {ends}" if ends else ""
    return (
        f"{what}{watch.head} needs a lock that is held by {who_holds}; nothing is changed. "
        f"Wait for their end{end}"
    )


def _guards(losses: Sequence[Loss]) -> list[tuple[str, Loss]]:
    columns = [each for each in losses if each.kind == "column"]
    return [(f"{PREFIX}{number}", each) for number, each in enumerate(columns, 1)]


def _add(guard: str, loss: Loss) -> str:
    return f"ALTER TABLE {loss.table} ADD CONSTRAINT {guard} CHECK ({loss.holds}) NOT VALID"


def _validate(guard: str, loss: Loss) -> str:
    return f"ALTER TABLE {loss.table} VALIDATE CONSTRAINT {guard}"


def _doing(session: Session, sql: str) -> Callable[[Watch], Awaitable[None]]:
    """One statement in a transaction of its own, that waits for locks only shortly."""
    lock = max(1, round(session.settings.lock_timeout * 1000))

    async def work(watch: Watch) -> None:
        watch.at(0, sql)
        await session.connection.execute(
            f"BEGIN; SET LOCAL lock_timeout = {lock}; SET LOCAL search_path = ''"
        )
        await session.connection.execute(sql)
        await session.connection.execute("COMMIT")

    return work
