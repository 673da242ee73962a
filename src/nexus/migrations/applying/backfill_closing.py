"""The last pass of a backfill whose rows others go on writing: over all of the table at once, while nobody
else writes there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from nexus.migrations.applying.backfill_state import State
from nexus.migrations.applying.backfill_statement import Batched
from nexus.migrations.applying.owning import begin
from nexus.migrations.applying.retry import retry
from nexus.migrations.applying.watch import Watch
from nexus.migrations.errors import MigrationBlocked
from nexus.migrations.quoting import identifier

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

TRIES = 5  # that end since others waited for it for too long


async def close(
    session: Session, batch: Batched, state: State, write: Callable[[], Awaitable[State]]
) -> State:
    """What `write` returns: it takes all rows that are left, and is committed. Who reads is not stopped; who
    writes waits for `max_block` at most, or the pass gives way.

    Raises:
        MigrationBlocked: it cannot be done in so short a time; says how many rows were left, and what to do.
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: any other end.
    """
    statement, tries = batch.statement, list[Watch]()

    async def work(watch: Watch) -> State:
        if sum(each.gave_way for each in tries) >= TRIES:
            raise MigrationBlocked(
                f"{TRIES} times others waited for it for longer than {session.max_block:g} s"
            )
        tries.append(watch)
        # What was written before the lock must be seen, whatever the database's default is.
        await session.connection.execute(begin(session, "BEGIN ISOLATION LEVEL READ COMMITTED"))
        await _lock(session, batch)
        done = await write()
        await session.connection.execute("COMMIT")
        return done

    try:
        return await retry(session, work, statement.line, statement.head)
    except MigrationBlocked as blocked:
        left = f"{state.former} row{'s' * (state.former != 1)}"
        raise MigrationBlocked(
            f"{session.source.module}: migration {session.migration.name}: the backfill at {statement.place}:"
            f"{statement.line} is not complete: others go on writing rows that it takes, {left} in the last "
            f"of {state.passes - 1} passes, and a last pass that stops them could not be had: {blocked}. Let "
            "those who write them write the new form first (by a trigger BEFORE INSERT OR UPDATE, or a "
            "release that does), and apply again: what is done stays"
        ) from blocked


async def _lock(session: Session, batch: Batched) -> None:
    """As ourselves: who may read a table of another module may not lock it."""
    connection, only = session.connection, "ONLY " if batch.only else ""
    role = await connection.fetchval("SELECT current_user")
    lock = f"LOCK TABLE {only}{batch.table} IN SHARE ROW EXCLUSIVE MODE"
    await connection.execute(
        f"RESET SESSION AUTHORIZATION; {lock}; SET LOCAL SESSION AUTHORIZATION {identifier(role)}"
    )
