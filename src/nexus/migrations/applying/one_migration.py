"""Applying one migration: its row, its run, its statements, its end.

One transaction: the row is there first, so that others see what goes on; that it is applied is written in the
script's own transaction. Whatever dies, whenever, it is wholly applied or not at all.
Outside a transaction: each statement's step is written in its own transaction where it can be in one.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.at_once import brief, run_at_once
from nexus.migrations.applying.authority import check_authority
from nexus.migrations.applying.backends import spoken
from nexus.migrations.applying.carrying_over import carry_over
from nexus.migrations.applying.ending import ended
from nexus.migrations.applying.faults import LOST
from nexus.migrations.applying.sending import run_together
from nexus.migrations.applying.session import CLEAN
from nexus.migrations.applying.session_bound import check_outlives
from nexus.migrations.applying.statementwise import run_statements
from nexus.migrations.applying.steps import Run, end_run, finish_text, open_run, start_rows, start_text, steps
from nexus.migrations.applying.units import Unit, units
from nexus.migrations.declared import Declared, declared
from nexus.migrations.errors import MigrationError, MigrationFailed
from nexus.migrations.history.state import History
from nexus.migrations.history.table import roll_back_row
from nexus.migrations.migration import Migration
from nexus.migrations.statements import Statement, statements
from nexus.migrations.transaction import one_transaction

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Connection, Session

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
    check_authority(script)
    if not one:
        check_outlives(script)
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
    session.take(migration, prepared.declared.may_block or session.settings.max_block)
    try:
        run, before = await _run(session, history, prepared, run)
        finish = finish_text(session.source, run)
        if prepared.one and not history.rows and brief(prepared.script):
            await run_at_once(session, run.id, prepared.script, before, finish)
        else:
            await session.ready_to_watch()
            await session.connection.execute(before)
            await _run_one_by_one(session, prepared, run, finish)
    except (MigrationError, asyncpg.PostgresError, *LOST) as error:
        raise await ended(session, run, prepared.script, error) from error
    seconds = clock.time() - began
    session.say("finished", f"applied in {spoken(seconds)}", seconds=round(seconds, 3))


async def _run_one_by_one(session: Session, prepared: Prepared, run: Run, finish: str) -> None:
    if prepared.one:
        await run_together(session, prepared.script, finish)
        return
    await run_statements(session, run.id, prepared.units)
    await run_together(session, (), finish)


async def _run(session: Session, history: History, prepared: Prepared, fresh: Run) -> tuple[Run, str]:
    """The run that goes on, or a new one, and the SQL that comes before its statements."""
    migration, connection = prepared.migration, session.connection
    open_rows = [row.id for row in history.rows if row.name == migration.name and row.state == "running"]
    if open_rows and (run := await open_run(connection, open_rows)) is not None:
        if run.checksum == fresh.checksum and run.one_transaction == fresh.one_transaction:
            done = await steps(connection, run.id, "done")
            _resumed(session, prepared.script, tuple(s for s in prepared.script if s.number in done))
            return run, CLEAN
        return await _edited(session, prepared, run, fresh), CLEAN
    run = replace(fresh, id=str(uuid.uuid4()))
    session.say("started", "begins", statements=len(prepared.script), one_transaction=prepared.one)
    return run, f"{CLEAN}; {start_text(session.source, migration, run)}"


async def _edited(session: Session, prepared: Prepared, former: Run, fresh: Run) -> Run:
    """A new run, of a file that was edited since; it goes on behind what the open one has done.

    Raises:
        MigrationFailed: something is done of it, and what is in the file now is one transaction.
    """
    connection, migration = session.connection, prepared.migration
    run = replace(fresh, id=str(uuid.uuid4()))
    if prepared.one and await _begun(connection, former):
        raise MigrationFailed(
            f"{session.source.module}: migration {migration.name} was begun statement by statement, and its "
            "file, which was edited since, is one transaction now: what is done would be done twice. Declare "
            "-- nexus: transaction=none, or take back what it left and run `nexus migrate resolve "
            f"{session.source.module} --rolled-back {migration.name}`"
        )
    async with connection.transaction():
        await roll_back_row(connection, session.source, former.id)
        await end_run(connection, former.id, "failed")
        await connection.execute(start_rows(session.source, migration, run))
        carried = await carry_over(connection, former.id, run.id, prepared.script)
    _resumed(session, prepared.script, carried)
    return run


async def _begun(connection: Connection, run: Run) -> bool:
    return bool(await steps(connection, run.id, "done") or await steps(connection, run.id, "begun"))


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
