"""A named point in the WAL that recovery can go back to: the moment before schemas changed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

    Connection = asyncpg.Connection[asyncpg.Record]

LONGEST = 63  # bytes that pg_create_restore_point allows (MAXFNAMELEN - 1)
_REFUSED = (asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.InsufficientPrivilegeError)


class RestorePoint(NamedTuple):
    """`name` and place in the WAL; None where the server keeps too little WAL for it (wal_level=minimal)."""

    name: str | None
    lsn: str
    sentence: str


def point_name(module: str, migration: str, at: datetime) -> str:
    """`nexus-crm-20261101000100_customers-20261126T101500Z`; what is too long loses the migration's end."""
    before, after = f"nexus-{module}-", f"-{at:%Y%m%dT%H%M%SZ}"
    room = max(0, LONGEST - len(after) - len(before.encode()))
    middle = migration.encode()[:room].decode(errors="ignore")
    return (before.encode() + middle.encode())[: LONGEST - len(after)].decode(errors="ignore") + after


async def create_restore_point(connection: Connection, module: str, before: str) -> RestorePoint:
    """Make one before what comes of a module. `connection`: a superuser's."""
    at = await connection.fetchval("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    name = point_name(module, before, at)
    try:
        lsn = await connection.fetchval("SELECT pg_create_restore_point($1)::text", name)
    except _REFUSED as error:
        return RestorePoint(None, "", f"no restore point: {error}")
    return RestorePoint(name, str(lsn), f"restore point {name} at {lsn}")


async def make_restore_point(session: Session) -> str | None:
    """Make one before the migration that comes, and tell its name; None where the server allows none."""
    made = await create_restore_point(session.connection, session.source.module, session.migration.name)
    session.say("restore-point", made.sentence, name=made.name or "", lsn=made.lsn)
    return made.name
