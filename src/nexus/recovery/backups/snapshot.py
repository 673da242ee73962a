"""One moment of a database, known by its exact place in the WAL, while users write.

A temporary logical slot exports a snapshot at its consistent point (manual, 54.4, CREATE_REPLICATION_SLOT):
it shows all that was committed before that byte, and nothing else. The slot goes with its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from nexus.postgres import programs
from nexus.recovery.errors import RecoveryFailed
from nexus.runtimes.process import accounts
from nexus.runtimes.process.drivers.postgres import binaries

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

WITHIN = 20.0  # seconds that transactions which write may take to end
_CREATE = "CREATE_REPLICATION_SLOT \"{name}\" TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export');\n"
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"


@dataclass(frozen=True)
class Moment:
    """`snapshot`: what SET TRANSACTION SNAPSHOT takes; `lsn`: where it is."""

    snapshot: str
    lsn: str


@contextlib.asynccontextmanager
async def moment(url: str, connection: Connection, within: float = WITHIN) -> AsyncIterator[Moment]:
    """A moment of the database that `url` (a superuser's) names, as long as the block runs.

    Raises:
        RecoveryFailed: there is none: a transaction that writes does not end, or there is no slot for us.
    """
    account = programs.postgres_account()
    name = f"nexus_totals_{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="nexus-totals-") as made:
        folder = accounts.private_folder(Path(made), account)
        child = await _psql(url, folder, name)
        assert child.stdin is not None
        try:
            child.stdin.write(_CREATE.format(name=name).encode())
            yield await _read(child, within)
        finally:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await connection.fetch(_END, name)  # while it waits for others, it would not see us leave
            await programs.end(child, signal.SIGKILL)


async def _psql(url: str, folder: Path, name: str) -> asyncio.subprocess.Process:
    account = programs.postgres_account()
    passwords = programs.password_file(folder, url, account)
    target = f"dbname={_quoted(programs.database(url))} replication=database"
    command = (
        str(binaries() / "psql"),
        *programs.connection(url),
        *("-X", "-q", "-A", "-t", "-F", "|", "-v", "ON_ERROR_STOP=1", "-d", target),
    )
    env = programs.environment(
        PGPASSFILE=str(passwords), PGAPPNAME=name, PGOPTIONS="-c client_connection_check_interval=1000"
    )
    return await programs.started(command, account, folder, env, True)


async def _read(child: asyncio.subprocess.Process, within: float) -> Moment:
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        line = await asyncio.wait_for(child.stdout.readline(), within)
    except TimeoutError:
        raise RecoveryFailed(
            f"transactions that write have not ended within {within:g} s (pg_stat_activity names them)"
        ) from None
    if not line:
        said = (await child.stderr.read()).decode("utf-8", "replace").strip()
        raise RecoveryFailed(f"the database exports no snapshot: {said}")
    _, lsn, snapshot, _ = line.decode().strip().split("|")
    return Moment(snapshot, lsn)


def _quoted(value: str) -> str:
    """As a connection string writes it (manual, 32.1.1.1)."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
