"""How a migration that could not be applied is left, recorded and told.

The script's own fault      the row keeps `logs`, as Prisma's does (P3018); nothing more is applied
anything else               the row is removed when nothing of the migration is in the database; else it stays
                            as one that runs, of ours: the next call goes on. Prisma stops at it (P3009)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.faults import LOST, HalfDone, explain, mend, outside
from nexus.migrations.applying.steps import Run, end_run, steps
from nexus.migrations.errors import MigrationError, MigrationFailed
from nexus.migrations.history.table import fail_row, table_of
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

FAILED = "P3018"  # Prisma: a migration failed to apply
AGAIN = "the next call finds out what became of it, and goes on"


async def ended(
    session: Session, run: Run, script: Sequence[Statement], error: BaseException
) -> MigrationError:
    """Leave the database fit for the next call; returns what is to be raised."""
    if session.connection.is_closed():
        return _lost(session, error)
    statement = session.current
    try:
        await session.roll_back()
        if isinstance(error, HalfDone):
            return await _failed(session, run, script, error, statement)
        if isinstance(error, MigrationError):  # blocked, or a statement that cannot be carried out
            left = await _left(session, run, script)
            await _leave(session, run, left)
            return type(error)(f"{error}{_half(left)}", error.code)
        if outside(error):
            left = await _left(session, run, script)
            await _leave(session, run, left)
            return _stopped(session, error, statement, left)
        return await _failed(session, run, script, error, statement)
    except LOST as second:
        return _lost(session, error, second)
    except asyncpg.PostgresError as second:
        return _unrecorded(session, error, second)


async def _left(session: Session, run: Run, script: Sequence[Statement]) -> str:
    """Which statements are in the database and which are not, "" when none is."""
    if run.one_transaction:
        return ""
    done = await steps(session.connection, run.id, "done")
    begun = await steps(session.connection, run.id, "begun")
    if not done and not begun:
        return ""
    told = [f"done: {_lines(script, done)}"] if done else []
    told += [f"begun: {_lines(script, begun)}"] if begun else []
    rest = {each.number: "" for each in script if each.number not in done and each.number not in begun}
    return "; ".join(told + ([f"not begun: {_lines(script, rest)}"] if rest else []))


async def _leave(session: Session, run: Run, left: str) -> None:
    if left:
        return
    connection = session.connection
    async with connection.transaction():
        await connection.execute(f"DELETE FROM {table_of(session.source)} WHERE id = $1", run.id)
        await connection.execute("DELETE FROM nexus.migration_run WHERE id = $1", run.id)


async def _failed(
    session: Session, run: Run, script: Sequence[Statement], error: BaseException, statement: Statement | None
) -> MigrationFailed:
    """Record that the script is at fault."""
    name, module = session.migration.name, session.source.module
    log, left, advice = explain(error, statement), await _left(session, run, script), mend(error)
    mark = f"nexus migrate resolve {module} --rolled-back {name}"
    resume = f"nexus migrate resolve {module} --resume {name}"
    if not left:
        logs = f"{log}. Nothing of it is in the database"
        todo = f"Correct it, mark it as rolled back, and apply again: {mark}"
    else:
        logs = f"{log}. It is not one transaction; {left}"
        todo = (
            f"Correct what is not done and go on behind what is: {resume}. Or take back all that it did, and "
            f"run all of it again: {mark}"
        )
    if advice:
        todo = f"{advice}. {todo}"
    async with session.connection.transaction():
        await fail_row(session.connection, session.source, run.id, f"{logs}. {todo}" if left else logs)
        await end_run(session.connection, run.id, "failed")
    return MigrationFailed(f"{module}: migration {name} failed: {logs}. {todo}", FAILED)


def _stopped(
    session: Session, error: BaseException, statement: Statement | None, left: str
) -> MigrationFailed:
    advice = mend(error)
    again = f"{advice}; then apply again" if advice else "Apply again when the server can"
    where = f"It goes on where it is: {left}" if left else "Nothing of it is left"
    return MigrationFailed(
        f"{session.source.module}: migration {session.migration.name} was stopped: "
        f"{explain(error, statement)}. {where}. {again}"
    )


def _lost(session: Session, error: BaseException, second: BaseException | None = None) -> MigrationFailed:
    session.connection.terminate()  # it may not know yet that it is dead
    after = f" (and then: {explain(second, None)})" if second is not None else ""
    return MigrationFailed(
        f"{session.source.module}: PostgreSQL was lost while migration {session.migration.name} ran: "
        f"{explain(error, session.current)}{after}. What was not committed is gone; {AGAIN}"
    )


def _unrecorded(session: Session, error: BaseException, second: asyncpg.PostgresError) -> MigrationFailed:
    if session.connection.is_closed():
        return _lost(session, error, second)
    return MigrationFailed(
        f"{session.source.module}: migration {session.migration.name} ended: "
        f"{explain(error, session.current)}; what became of it could not be recorded: "
        f"{explain(second, None)}; {AGAIN}"
    )


def _half(left: str) -> str:
    return f". The statements before it stay: {left}; the next call goes on" if left else ""


def _lines(script: Sequence[Statement], numbers: dict[int, str]) -> str:
    lines = [str(each.line) for each in script if each.number in numbers]
    return f"{'line' if len(lines) == 1 else 'lines'} {', '.join(lines[:20])}" + (
        f" and {len(lines) - 20} more" if len(lines) > 20 else ""
    )
