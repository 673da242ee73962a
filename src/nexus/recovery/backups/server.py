"""What must be known of the living server before its files are copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.quoting import identifier
from nexus.recovery.errors import RecoveryFailed, WrongVersion
from nexus.stack import Stack

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

BINARIES = 18  # the major version of the programs that come with Nexus
AT_ONCE = 256 << 20  # bytes that a checkpoint may write at once
APPLICATION = "nexus_backup"
_READ = """
SELECT current_setting('server_version_num')::int AS version,
    (SELECT system_identifier::text FROM pg_control_system()) AS system,
    (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline,
    pg_size_bytes(current_setting('wal_segment_size')) AS segment,
    (SELECT sum(pg_database_size(oid))::bigint FROM pg_database) AS bytes,
    (SELECT count(*) FROM pg_tablespace) AS tablespaces,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
    current_setting('wal_level') AS wal_level,
    current_setting('summarize_wal') = 'on' AS summaries,
    pg_is_in_recovery() AS standby,
    least(pg_size_bytes(current_setting('shared_buffers')), pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
        (SELECT redo_lsn FROM pg_control_checkpoint())))::bigint AS unwritten
"""
_SUMMARISED = """
SELECT coalesce(bool_or(start_lsn <= $2::text::pg_lsn), false)
FROM pg_available_wal_summaries() WHERE tli = $1
"""
_APPLIED = """
SELECT migration_name FROM {schema}._prisma_migrations
WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY migration_name DESC LIMIT 1
"""


@dataclass(frozen=True)
class Server:
    """`version`: server_version_num. `segment`: size of its WAL's segments. `bytes`: of its databases.
    `summaries`: whether it notes which blocks change. `unwritten`: what a checkpoint has to write at most.
    """

    version: int
    system: str
    timeline: int
    segment: int
    bytes: int
    summaries: bool
    unwritten: int

    @property
    def checkpoint(self) -> str:
        """At once where it has little to write; else spread, so that users do not feel it (manual, 28.5)."""
        return "spread" if self.unwritten > AT_ONCE else "fast"


async def read_server(connection: Connection) -> Server:
    """Reads what is told of the server.

    Raises:
        WrongVersion: our programs cannot copy it.
        RecoveryFailed: it cannot be copied as it is set up; says how to mend it.
    """
    row = await connection.fetchrow(_READ)
    assert row is not None
    _check(row)
    names = ("version", "system", "timeline", "segment", "bytes", "summaries", "unwritten")
    return Server(**{name: row[name] for name in names})


async def summarised(connection: Connection, timeline: int, lsn: str) -> bool:
    """Whether it still has noted what changed since a place in the WAL."""
    return bool(await connection.fetchval(_SUMMARISED, timeline, lsn))


async def applied(connection: Connection, stack: Stack) -> Mapping[str, str]:
    """Module → the last migration applied to its schema; those that have recorded none are left out."""
    found: dict[str, str] = {}
    for service in stack.services:
        if service.database is None:
            continue
        schema = identifier(service.database.schema_)
        if await connection.fetchval("SELECT to_regclass($1)", f"{schema}._prisma_migrations") is None:
            continue
        name = await connection.fetchval(_APPLIED.format(schema=schema))
        if name is not None:
            found[service.name] = name
    return found


def check_version(version: int, ours: int = BINARIES) -> None:
    """Whether programs of the major version `ours` copy a server of `version` (server_version_num). Pure.

    Raises:
        WrongVersion: they do not.
    """
    major = version // 10_000
    if major != ours:
        raise WrongVersion(
            f"the server is PostgreSQL {major}, the programs that copy and restore it are of {ours}; "
            f"bring the server to {ours}, or use the Nexus that came with {major}"
        )


def _check(row: asyncpg.Record) -> None:
    check_version(row["version"])
    if not row["superuser"]:
        raise RecoveryFailed("a superuser's address is needed to copy the server's files")
    if row["wal_level"] == "minimal":
        raise RecoveryFailed("wal_level is minimal, and a copy cannot be made consistent; set it to logical")
    if row["tablespaces"] > 2:
        raise RecoveryFailed(
            "the server has tablespaces outside its data folder, which backups do not hold; move what is in "
            "them back (ALTER … SET TABLESPACE pg_default) and drop them"
        )
    if row["standby"]:
        raise RecoveryFailed("the server is a standby; take the backup from the primary")
