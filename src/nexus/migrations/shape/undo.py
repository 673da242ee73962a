"""Taking back an applied migration that only expanded, where that is proven to lose nothing.

Its inverse is not written by hand nor guessed from its statements: in a shadow database the shape without it
and the shape with it are compared, the statements of the comparison are executed, and the result is compared
again. What only the living database can say, whether there are rows that would be lost, is asked there, and
asked again under the locks of the transaction that takes it back; of columns before it, see `guards`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.restore_point import make_restore_point
from nexus.migrations.applying.session import open_session
from nexus.migrations.applying.settings import Settings, Tell, quiet
from nexus.migrations.applying.watch import Watch
from nexus.migrations.declared import declared
from nexus.migrations.errors import MigrationFailed, PlanRefused
from nexus.migrations.history.table import table_of
from nexus.migrations.journal import ensure_journal
from nexus.migrations.migration import Migration, Source
from nexus.migrations.shape.guards import drop_left, guarded, patiently, unguard
from nexus.migrations.shape.losses import lost
from nexus.migrations.shape.undoing import UndoPlan, undo_plan

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

# Prisma's `status` takes a migration with any row for applied, a rolled back one too, while its `deploy`
# applies it again: only without the row do both say that it is pending. nexus.migration_run keeps what was.
_FORGET = """
DELETE FROM {table} WHERE migration_name = $1 AND (finished_at IS NOT NULL OR rolled_back_at IS NOT NULL)
RETURNING id, checksum, started_at, finished_at IS NOT NULL AND rolled_back_at IS NULL AS applied
"""
_STEPS = """
DELETE FROM nexus.migration_step
WHERE run IN (SELECT id FROM nexus.migration_run WHERE schema_name = $1 AND migration = $2)
"""
_KEEP = """
INSERT INTO nexus.migration_run
    (id, schema_name, migration, checksum, one_transaction, started_at, ended_at, outcome)
VALUES ($1, $2, $3, $4, true, $5, clock_timestamp(), $6)
ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, outcome = excluded.outcome
"""


async def undo(
    url: str,
    source: Source,
    name: str,
    settings: Settings = Settings(),
    tell: Tell = quiet,
    needed_by: Mapping[str, str] | None = None,
    sources: Sequence[Source] = (),
) -> UndoPlan:
    """Take a migration back, in one transaction that waits for locks only shortly and is tried again; it is
    pending afterwards. Returns what was done. Arguments as `undo_plan`'s.

    Raises:
        PlanRefused: it would not be safe; nothing was done.
        MigrationBlocked: others hold what it needs; nothing was done.
        MigrationFailed: PostgreSQL refused a statement; nothing was done.
        MigrationError: as `undo_plan`.
    """
    async with open_session(url, source, settings, tell) as session:
        await drop_left(session)
        plan = await undo_plan(url, source, name, needed_by, sources)
        _permit(plan, plan.refusals)
        migration = plan.migration or Migration(name, "", "")
        await session.begin_migration(migration, declared(migration).may_block or settings.max_block)
        if settings.restore_point:
            await make_restore_point(session)
        session.say("started", "is taken back", statements=len(plan.statements))
        try:
            await _guarded(session, plan)
        except asyncpg.PostgresError as error:
            if session.connection.is_closed():
                raise
            await session.roll_back()
            raise MigrationFailed(
                f"{source.module}: migration {name} could not be taken back: {error.sqlstate} {error}; "
                "nothing is changed. Look whether the schema has drifted: nexus migrate drift"
            ) from error
        session.say("finished", "taken back")
    return plan


async def _guarded(session: Session, plan: UndoPlan) -> None:
    async with guarded(session, plan.losses) as written:
        _permit(plan, tuple(f"meanwhile {each}" for each in written))
        await patiently(session, lambda watch: _take_back(session, plan, watch))


async def _take_back(session: Session, plan: UndoPlan, watch: Watch) -> None:
    connection = session.connection
    lock = max(1, round(session.settings.lock_timeout * 1000))
    await connection.execute(
        f"BEGIN; SET LOCAL lock_timeout = {lock}; SET LOCAL search_path = ''; "
        "SET LOCAL check_function_bodies = off"
    )
    whole = [each for each in plan.losses if each.kind != "column"]
    for each in whole:
        watch.at(0, f"LOCK {each.table}")
        await connection.execute(each.lock)
    written = await lost(connection, whole, exact=False)
    if written:
        await session.roll_back()
        _permit(plan, tuple(f"meanwhile {each}" for each in written))
    for number, statement in enumerate(plan.statements, 1):
        watch.at(number, statement)
        session.say("statement", statement, number)
        await connection.execute(statement)
    for sql in unguard(plan.losses):
        await connection.execute(sql)
    await ensure_journal(connection)
    for row in await connection.fetch(_FORGET.format(table=table_of(plan.source)), plan.name):
        outcome = "undone" if row["applied"] else "failed"
        own = (plan.source.schema, plan.name, row["checksum"], row["started_at"], outcome)
        await connection.execute(_KEEP, row["id"], *own)
    await connection.execute(_STEPS, plan.source.schema, plan.name)  # nothing of them is there to go on from
    await connection.execute("COMMIT")


def _permit(plan: UndoPlan, refusals: Sequence[str]) -> None:
    if refusals:
        raise PlanRefused(
            f"{plan.source.module}: migration {plan.name} is not taken back: {'; '.join(refusals)}"
        )
