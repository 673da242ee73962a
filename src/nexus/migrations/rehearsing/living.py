"""What must be known of the living server before it is copied."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.postgres.programs import database

# What decides how long a statement takes: a copy has these as the living server has them.
SETTINGS = (
    "shared_buffers",
    "work_mem",
    "maintenance_work_mem",
    "effective_cache_size",
    "max_wal_size",
    "min_wal_size",
    "checkpoint_timeout",
    "wal_compression",
    "wal_buffers",
    "full_page_writes",
    "max_worker_processes",
    "max_parallel_workers",
    "max_parallel_maintenance_workers",
    "max_parallel_workers_per_gather",
    "effective_io_concurrency",
    "maintenance_io_concurrency",
    "random_page_cost",
    "seq_page_cost",
    "max_locks_per_transaction",
    "jit",
)
MEMORY_SHARE = 0.25  # of what is free, for the copy's shared buffers
_READ = """
SELECT current_setting('server_version_num')::int AS version,
    (SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datallowconn) AS cluster,
    pg_database_size(current_database()) AS bytes,
    current_setting('wal_level') AS wal_level,
    (SELECT count(*) FROM pg_tablespace) AS tablespaces,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
    pg_size_bytes(current_setting('shared_buffers')) AS buffers,
    pg_wal_lsn_diff(pg_current_wal_lsn(), (SELECT redo_lsn FROM pg_control_checkpoint()))::bigint AS unwritten
"""


@dataclass(frozen=True)
class LivingServer:
    """The server that `url` (a superuser's) names. `bytes` of its database, `cluster` of all of them.

    `bare`: its data folder can be used by our own binaries: it runs on this machine from them.
    `settings`: name → value as postgresql.conf writes it. `unwritten`: bytes of WAL since the last
    checkpoint, as a measure of what the next has to write. `notes`: where the copy will differ.
    """

    url: str = field(repr=False)
    version: int
    bytes: int
    cluster: int
    wal_level: str
    tablespaces: int
    bare: bool
    settings: Mapping[str, str]
    unwritten: int = 0
    notes: tuple[str, ...] = ()

    @property
    def why_not_physical(self) -> str:
        """Why its files cannot be copied as they are, "" when they can."""
        if not self.bare:
            return "it does not run from our own binaries"
        if self.wal_level == "minimal":
            return "wal_level is minimal"
        return "it has tablespaces" if self.tablespaces > 2 else ""


async def read_server(url: str, bare: bool) -> LivingServer:
    """Reads what is told of the server.

    Raises:
        RehearsalFailed: it is away, or the role is no superuser.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise RehearsalFailed(f"the living database cannot be asked ({error}); is it up?") from error
    try:
        row = await connection.fetchrow(_READ)
        asked = "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY($1)"
        found = {each["name"]: each["value"] for each in await connection.fetch(asked, list(SETTINGS))}
    finally:
        await connection.close()
    assert row is not None
    if not row["superuser"]:
        raise RehearsalFailed(f"a superuser's address of {database(url)} is needed to copy it")
    settings = {name: f"'{value}'" for name, value in found.items()}
    room = int(psutil.virtual_memory().available * MEMORY_SHARE)
    notes: tuple[str, ...] = ()
    if row["buffers"] > room:
        settings["shared_buffers"] = f"'{room >> 20}MB'"
        notes = (f"shared_buffers {room >> 20} MB instead of {row['buffers'] >> 20} MB: memory is short",)
    return LivingServer(
        url,
        row["version"],
        row["bytes"],
        row["cluster"],
        row["wal_level"],
        row["tablespaces"],
        bare,
        settings,
        row["unwritten"],
        notes,
    )


def check_room(folder: Path, needed: int) -> None:
    """Refuses a copy that would leave the disk full: the data must fit twice.

    Raises:
        RehearsalFailed: says how much is free, and how much is needed.
    """
    free = shutil.disk_usage(folder).free
    if free < 2 * needed:
        raise RehearsalFailed(
            f"{folder}: {free / 1e9:.1f} GB are free, the copy needs {2 * needed / 1e9:.1f} GB: the data, "
            "and as much again for what the migrations write; make room, or set NEXUS_HOME to a larger disk"
        )
