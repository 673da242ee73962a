"""Applying one migration: its row, its run, its statements, its end.

One transaction: the row is there first, so that others see what goes on; that it is applied is written in the
script's own transaction. Whatever dies, whenever, it is wholly applied or not at all.
Outside a transaction: each statement's step is written in its own transaction where it can be in one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.backends import spoken
from nexus.migrations.applying.carrying_over import carry_over
from nexus.migrations.applying.ending import ended
from nexus.migrations.applying.faults import LOST
from nexus.migrations.applying.sending import run_together
from nexus.migrations.applying.statementwise import run_statements
from nexus.migrations.applying.steps import Run, end_run, open_run, start_run, steps
from nexus.migrations.applying.units import Unit, units
from nexus.migrations.declared import Declared, declared
from nexus.migrations.errors import MigrationError
from nexus.migrations.history.state import History
from nexus.migrations.history.table import finish_row, roll_back_row, start_row
from nexus.migrations.migration import Migration
from nexus.migrations.statements import Statement, statements
from nexus.migrations.transaction import one_transaction

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

LARGE = 1 << 18  # characters from which on a script is read in a thread


@dataclass(frozen=True)
class Prepared:
    """A migration that was read wholly: nothing about its text can stop it any more."""

    migration: Migration
    declared: Declared
    script: tuple[Statement, ...]
    units: tuple[Unit, ...]
    one: bool


async def prepare(migration: Migration) -> Prepared:
    """Read a script. Raises MigrationUnreadable where PostgreSQL's parser refuses it."""
    if len(migration.sql) > LARGE:
        return await asyncio.to_thread(_prepare, migration)
    return _prepare(migration)


def _prepare(migration: Migration) -> Prepared:
    told, script = declared(migration), statements(migration)
    one = one_transaction(told, script)
    return Prepared(migration, told, script, () if one else units(script), one)


async def apply_one(session: Session, history: History, prepared: Prepared, point: str | None) -> None:
    """Apply a migration, or go on with one that was interrupted. `point`: the restore point before it.

    Raises:
        MigrationFailed: the script is at fault, or the server is away.
        MigrationBlocked: others are in the way.
    """
    migration = prepared.migration
    clock = asyncio.get_running_loop()
    began = clock.time()
    run = Run("", migration.checksum, prepared.one, point)
    try:
        await session.begin_migration(migration, prepared.declared.may_block or session.settings.max_block)
        run = await _run(session, history, prepared, run)
        if prepared.one:
            await run_together(session, prepared.script, lambda: _finish(session, run))
        else:
            await run_statements(session, run.id, prepared.units)
            await run_together(session, (), lambda: _finish(session, run))
    except (MigrationError, asyncpg.PostgresError, *LOST) as error:
        raise await ended(session, run, prepared.script, error) from error
    seconds = clock.time() - began
    session.say("finished", f"applied in {spoken(seconds)}", seconds=round(seconds, 3))


async def _run(session: Session, history: History, prepared: Prepared, fresh: Run) -> Run:
    """The run that goes on, or a new one."""
    migration = prepared.migration
    open_rows = [row.id for row in history.rows if row.name == migration.name and row.state == "running"]
    if open_rows and (run := await open_run(session.connection, open_rows)) is not None:
        if run.checksum == fresh.checksum and run.one_transaction == fresh.one_transaction:
            done = await steps(session.connection, run.id, "done")
            _resumed(session, prepared.script, tuple(s for s in prepared.script if s.number in done))
            return run
        async with session.connection.transaction():  # its file was edited since: it counts as failed
            await roll_back_row(session.connection, session.source, run.id)
            await end_run(session.connection, run.id, "failed")
    return await _start(session, prepared, fresh)


async def _start(session: Session, prepared: Prepared, run: Run) -> Run:
    connection, source, migration = session.connection, session.source, prepared.migration
    carried: tuple[Statement, ...] = ()
    async with connection.transaction():
        # Lost in a crash, it is as if it had never begun: the script's own commit makes it durable.
        await connection.execute("SET LOCAL synchronous_commit = off")
        run = replace(run, id=await start_row(connection, source, migration))
        await start_run(connection, source, migration, run)
        if not prepared.one:
            carried = await carry_over(connection, source, migration.name, run.id, prepared.script)
    if carried:
        _resumed(session, prepared.script, carried)
    else:
        session.say("started", "begins", statements=len(prepared.script), one_transaction=prepared.one)
    return run


async def _finish(session: Session, run: Run) -> None:
    await finish_row(session.connection, session.source, run.id)
    await end_run(session.connection, run.id, "applied")


def _resumed(session: Session, script: Sequence[Statement], done: Sequence[Statement]) -> None:
    known = {each.number for each in done}
    rest = next((each for each in script if each.number not in known), None)
    where = f"goes on at line {rest.line}" if rest else "all statements are done"
    session.say(
        "resumed",
        f"{where}; {len(done)} of {len(script)} statements were done before" if done else "begins again",
        rest.line if rest else 0,
        done=[each.line for each in done],
    )
