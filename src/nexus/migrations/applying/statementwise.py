"""Running a script that is not one transaction: unit by unit, each recorded when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg
from pglast import ast

from nexus.migrations.applying.authority import check_still_owner
from nexus.migrations.applying.backfill import run_batches
from nexus.migrations.applying.concurrent import run_alone
from nexus.migrations.applying.faults import HalfDone, explain, hint
from nexus.migrations.applying.owning import as_owner
from nexus.migrations.applying.retry import in_the_way
from nexus.migrations.applying.sending import run_own, run_together
from nexus.migrations.applying.steps import begin_step, finish_step, step_text, steps
from nexus.migrations.applying.units import Unit, sets_session
from nexus.migrations.applying.watch import watching
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

_HALF = (
    "It commits by itself, so that a part of it may be done; it is not run again from its beginning. Look at "
    "what it left, and write what is missing in its place"
)


async def run_statements(session: Session, run_id: str, script: Sequence[Unit]) -> None:
    """Run what is not done yet, in order; what was done before is not run again.

    Raises what `retry` raises.
    """
    done = await steps(session.connection, run_id, "done")
    begun = await steps(session.connection, run_id, "begun")
    for unit in script:
        if all(each.number in done for each in unit.statements):
            _replay(session, unit)  # a session that was lost has lost what was set in it
            continue
        if unit.kind == "own":
            await run_own(session, unit, step_text(run_id, unit.statements))
        elif unit.kind in ("together", "setting"):
            if unit.first.number in begun:
                _check_repeatable(session, unit.first)
            await _together(session, run_id, unit)
        else:
            await _by_itself(session, run_id, unit, unit.first.number in begun)
        _replay(session, unit)


def _replay(session: Session, unit: Unit) -> None:
    """Let the transactions that follow begin with what this unit set for the session."""
    session.replayed += tuple(each.sql for each in unit.statements if sets_session(each))


async def _together(session: Session, run_id: str, unit: Unit) -> None:
    try:
        await run_together(session, unit.statements, step_text(run_id, unit.statements))
    except asyncpg.InvalidTransactionTerminationError:
        # A procedure or DO block that commits by itself; it was refused at its first COMMIT.
        await session.roll_back()
        await begin_step(session.connection, run_id, unit.first)
        await _committing(session, unit.first)
        await finish_step(session.connection, run_id, unit.first)
    except asyncpg.ActiveSQLTransactionError:
        # Only the catalogue shows that it runs in no transaction: REINDEX and CLUSTER of partitioned tables.
        await session.roll_back()
        await begin_step(session.connection, run_id, unit.first)
        await run_alone(session, run_id, unit.first, begun=False)
        await finish_step(session.connection, run_id, unit.first)


async def _committing(session: Session, statement: Statement) -> None:
    """Once: whatever stops it, it may have committed a part, and is not run from its beginning again."""
    async with watching(session) as watch:
        watch.at(statement.line, statement.head)
        try:
            async with as_owner(session):
                await session.connection.execute(statement.sql)
                check_still_owner(session)
        except asyncpg.PostgresError as error:
            if in_the_way(error, watch):
                raise HalfDone(f"{explain(error, statement)}. {_HALF}") from error
            hint(error, _HALF)
            raise


def _check_repeatable(session: Session, statement: Statement) -> None:
    """Raises HalfDone for a block that commits by itself, and was interrupted."""
    session.current = statement
    if isinstance(statement.tree, ast.DoStmt | ast.CallStmt):
        raise HalfDone(f"{statement.place}:{statement.line}: {statement.head}: it was interrupted. {_HALF}")


async def _by_itself(session: Session, run_id: str, unit: Unit, begun: bool) -> None:
    statement = unit.first
    session.current = statement
    session.say("statement", statement.head, statement.line, number=statement.number)
    await begin_step(session.connection, run_id, statement)
    if statement.batch is not None:
        await run_batches(session, run_id, statement, statement.batch)
    else:
        await run_alone(session, run_id, statement, begun)
    await finish_step(session.connection, run_id, statement)
