"""The journal's rows: a migration's run, and its statements that are begun and done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nexus.migrations.applying.bound import bound
from nexus.migrations.comments import BLANKS
from nexus.migrations.history.table import FINISH, START, kept_text, table_of
from nexus.migrations.migration import Migration, Source, sha256
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_START = """
INSERT INTO nexus.migration_run (id, schema_name, migration, checksum, one_transaction, restore_point)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_END = "UPDATE nexus.migration_run SET outcome = $2, ended_at = clock_timestamp() WHERE id = $1"
_OPEN = """
SELECT id, checksum, one_transaction, restore_point FROM nexus.migration_run
WHERE id = ANY($1::text[]) AND outcome IS NULL
"""
_STEPS = "SELECT number, detail->>'sha256' AS sha256 FROM nexus.migration_step WHERE run = $1 AND state = $2"
_BEGIN_STEP = """
INSERT INTO nexus.migration_step (run, number, state, detail)
VALUES ($1, $2, 'begun', jsonb_build_object('sha256', $3::text)) ON CONFLICT DO NOTHING
"""
_FORGET_STEP = "DELETE FROM nexus.migration_step WHERE run = $1 AND number = $2 AND state = 'begun'"
_FINISH_STEP = """
INSERT INTO nexus.migration_step (run, number, state, detail)
VALUES ($1, $2, 'done', jsonb_build_object('sha256', $3::text))
ON CONFLICT (run, number) DO UPDATE
SET state = 'done', at = clock_timestamp(), detail = migration_step.detail || excluded.detail
"""


@dataclass(frozen=True)
class Run:
    """One attempt at a migration; its id is that of Prisma's row."""

    id: str
    checksum: str
    one_transaction: bool
    restore_point: str | None = None


def start_text(source: Source, migration: Migration, run: Run) -> str:
    """The SQL that records, in a transaction of its own, that a migration begins."""
    # Lost in a crash, it is as if it had never begun: what follows makes it durable.
    return f"BEGIN; SET LOCAL synchronous_commit = off; {start_rows(source, migration, run)}; COMMIT"


def start_rows(source: Source, migration: Migration, run: Run) -> str:
    """The SQL that records, in a transaction that is open, that a migration begins."""
    row = START.format(table=table_of(source))
    values = (run.id, source.schema, migration.name, run.checksum, run.one_transaction, run.restore_point)
    return (
        f"{bound(row, run.id, migration.checksum, migration.name, kept_text(migration))}; "
        f"{bound(_START, *values)}"
    )


def finish_text(source: Source, run: Run) -> str:
    """The SQL that records that a migration is applied."""
    return f"{bound(FINISH.format(table=table_of(source)), run.id)}; {bound(_END, run.id, 'applied')}"


def step_text(run_id: str, statements: Iterable[Statement]) -> str:
    """The SQL that records that statements are done."""
    return "; ".join(bound(_FINISH_STEP, run_id, str(s.number), fingerprint(s)) for s in statements)


async def end_run(connection: Connection, run_id: str, outcome: str) -> None:
    """Record how a run ended: `applied` or `failed`."""
    await connection.execute(_END, run_id, outcome)


async def open_run(connection: Connection, ids: list[str]) -> Run | None:
    """The run among these ids that was interrupted: it has no outcome."""
    row = await connection.fetchrow(_OPEN, ids)
    return None if row is None else Run(*row.values())


async def begin_step(connection: Connection, run_id: str, statement: Statement) -> None:
    """Record that a statement begins; one that was begun before stays so, with its detail."""
    await connection.execute(_BEGIN_STEP, run_id, statement.number, fingerprint(statement))


async def finish_step(connection: Connection, run_id: str, statement: Statement) -> None:
    """Record that a statement is done; what its step's detail holds is kept."""
    await connection.execute(_FINISH_STEP, run_id, statement.number, fingerprint(statement))


async def forget_step(connection: Connection, run_id: str, statement: Statement) -> None:
    """A statement that was begun has left nothing: it is as if it had never begun."""
    await connection.execute(_FORGET_STEP, run_id, statement.number)


async def steps(connection: Connection, run_id: str, state: Literal["begun", "done"]) -> dict[int, str]:
    """The statements in this state: number → fingerprint of its text."""
    return {row["number"]: row["sha256"] or "" for row in await connection.fetch(_STEPS, run_id, state)}


def fingerprint(statement: Statement) -> str:
    """What tells whether a statement's text is the same: the SHA-256 of all of it but its ends."""
    return sha256(statement.sql.strip(BLANKS).encode())
