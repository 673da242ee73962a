"""Running a module's own tool: in turn, with the owner's rights while it runs, and recorded."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.settings import Kind, Settings, Tell, Told, quiet
from nexus.migrations.commands.digest import digest_of, name_of
from nexus.migrations.commands.state import is_applied, may_act_as_owner
from nexus.migrations.commands.wrapping import as_owner
from nexus.migrations.errors import MigrationBlocked, MigrationFailed
from nexus.migrations.journal import ensure_journal
from nexus.migrations.migration import Source

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LOCK = 72707370  # with the schema's name: a tool may take Prisma's lock by itself
CONNECT_S = 10.0
POLL_S = 0.1
LAST_LINES = 8
_NO_LOCK = "lock timeout"  # SQLSTATE 55P03, as PostgreSQL says it
_UNFINISHED = """
SELECT id FROM nexus.migration_run
WHERE schema_name = $1 AND migration = $2 AND ended_at IS NULL ORDER BY started_at DESC LIMIT 1
"""
_BEGIN = """
INSERT INTO nexus.migration_run (id, schema_name, migration, checksum, one_transaction, restore_point)
VALUES ($1, $2, $3, $4, false, $5)
"""
_END = "UPDATE nexus.migration_run SET ended_at = clock_timestamp(), outcome = $2 WHERE id = $1"


@dataclass(frozen=True)
class Ended:
    """How the tool ended, and what it said."""

    code: int
    output: str


Carry = Callable[[str, tuple[str, ...]], Awaitable[Ended]]  # name and command → its end


async def run(
    dsn: str, source: Source, settings: Settings, carry: Carry, tell: Tell = quiet
) -> tuple[str, ...]:
    """Run the tool if its folder asks for it; return the name of the run. `dsn`: a superuser's.

    `carry` runs a command as a task of the module's release; one of the same name that it began earlier and
    that still runs is waited for. A tool that only failed to get a lock is run again until
    `settings.patience` is over.

    Raises:
        MigrationFailed: the tool failed; says its exit code and its last lines.
        MigrationBlocked: another run of this schema goes on, or it gets no lock.
        MigrationUnreadable: the folder cannot be read.
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    digest = await asyncio.to_thread(digest_of, source)
    connection = await asyncpg.connect(
        dsn, timeout=CONNECT_S, server_settings={"application_name": f"nexus migrate {source.module}"[:63]}
    )
    try:
        async with _turn(connection, source, settings.turn):
            await ensure_journal(connection)
            async with _rights(connection, source):
                if await is_applied(connection, source, digest):
                    return ()
                await _recorded(connection, source, settings, digest, carry, tell)
                return (name_of(digest),)
    finally:
        await connection.close(timeout=CONNECT_S)


async def _recorded(
    connection: Connection, source: Source, settings: Settings, digest: str, carry: Carry, tell: Tell
) -> None:
    name = name_of(digest)
    row = await connection.fetchval(_UNFINISHED, source.schema, name)
    if row is None:
        row, point = str(uuid.uuid4()), await _restore_point(connection, source, settings)
        await connection.execute(_BEGIN, row, source.schema, name, digest, point)
        said = f"restore point {point}; " if point else ""
        _say(tell, source, name, "started", f"{said}runs `{' '.join(source.command)}`")
    else:
        _say(tell, source, name, "resumed", "an earlier run was not seen to its end")
    try:
        await _until_done(source, settings, name, carry, tell)
    except (MigrationFailed, MigrationBlocked):
        await connection.execute(_END, row, "failed")
        raise
    await connection.execute(_END, row, "applied")
    _say(tell, source, name, "finished", f"`{' '.join(source.command)}` ended well")


async def _until_done(source: Source, settings: Settings, name: str, carry: Carry, tell: Tell) -> None:
    give_up, pause = time.monotonic() + settings.patience, settings.lock_timeout
    while True:
        ended = await carry(name, as_owner(source, settings))
        if ended.code == 0:
            return
        last = " / ".join(line.strip() for line in ended.output.splitlines()[-LAST_LINES:] if line.strip())
        told = (
            f"{source.module}: `{' '.join(source.command)}` ended with exit code {ended.code}: "
            f"{last or 'it said nothing'}"
        )
        if _NO_LOCK not in ended.output:
            raise MigrationFailed(f"{told}. Nothing else was started; mend it and run the same command again")
        if time.monotonic() > give_up:
            raise MigrationBlocked(
                f"{told}. It got no lock for {settings.patience:g} s; see pg_stat_activity for long "
                "transactions, end them, and run the same command again"
            )
        _say(tell, source, name, "waiting", "it got no lock and let others pass; it is run again")
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, 10.0)


@asynccontextmanager
async def _turn(connection: Connection, source: Source, patience: float) -> AsyncIterator[None]:
    """The lock of this schema's tool, until the connection ends. Polled for: nobody queues in the server."""
    give_up = time.monotonic() + patience
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", LOCK, source.schema):
        if time.monotonic() > give_up:
            raise MigrationBlocked(
                f"{source.module}: another run of its own tool goes on for {patience:g} s; wait for its end"
            )
        await asyncio.sleep(POLL_S)
    yield


@asynccontextmanager
async def _rights(connection: Connection, source: Source) -> AsyncIterator[None]:
    """The module's role may act as the owner; afterwards it may not, whoever gave the right.

    When whoever waits is cancelled, the tool goes on; the next turn waits for it, and takes the right back.
    """
    if not await may_act_as_owner(connection, source):
        grant = f'GRANT "{source.owner}" TO "{source.role}" WITH INHERIT FALSE, SET TRUE'
        await connection.execute(grant)
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException:
        await _take_back(connection, source)
        raise
    await _take_back(connection, source)


async def _take_back(connection: Connection, source: Source) -> None:
    if not connection.is_closed():  # else the next turn does it
        await connection.execute(f'REVOKE "{source.owner}" FROM "{source.role}"')


async def _restore_point(connection: Connection, source: Source, settings: Settings) -> str | None:
    if not settings.restore_point:
        return None
    point = f"nexus-{source.module[:32]}-command-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}"
    await connection.execute("SELECT pg_create_restore_point($1)", point)
    return point


def _say(tell: Tell, source: Source, name: str, kind: Kind, sentence: str) -> None:
    tell(Told(kind, source.module, name, sentence=sentence))
