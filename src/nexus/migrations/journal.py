"""What Nexus remembers of migrations, in the database that they change: the schema `nexus`.

Prisma's table says whether a migration is applied. This says how far one has come, so that whoever takes it
up applies nothing twice: its rows are written in the same transaction as what they record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

SCHEMA = "nexus"
LOCK = 72707371  # held while it is made: two who make it at once would trip over the catalogue
_MAKE = f"""
SELECT pg_advisory_xact_lock({LOCK});
CREATE SCHEMA IF NOT EXISTS nexus;
CREATE TABLE IF NOT EXISTS nexus.script (
    checksum varchar(64) PRIMARY KEY,
    content text NOT NULL
);
CREATE TABLE IF NOT EXISTS nexus.migration_run (
    id varchar(36) PRIMARY KEY,
    schema_name text NOT NULL,
    migration text NOT NULL,
    checksum varchar(64) NOT NULL,
    one_transaction boolean NOT NULL,
    restore_point text,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('applied', 'failed', 'undone'))
);
CREATE TABLE IF NOT EXISTS nexus.migration_step (
    run varchar(36) NOT NULL REFERENCES nexus.migration_run ON DELETE CASCADE,
    number integer NOT NULL,
    state text NOT NULL CHECK (state IN ('begun', 'done')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    detail jsonb NOT NULL DEFAULT '{{}}',
    PRIMARY KEY (run, number)
);
"""


async def ensure_journal(connection: Connection) -> None:
    """Makes the schema `nexus` where it is missing; `connection` is a superuser's."""
    if await connection.fetchval("SELECT to_regclass('nexus.migration_step')") is None:
        await connection.execute(_MAKE)
