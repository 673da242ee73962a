"""A named point in the WAL that recovery can go back to: the moment before schemas changed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

LONGEST = 63  # bytes that pg_create_restore_point allows (MAXFNAMELEN - 1)
_REFUSED = (asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.InsufficientPrivilegeError)


def point_name(module: str, migration: str, at: datetime) -> str:
    """`nexus-crm-20261101000100_customers-20261126T101500Z`; what is too long loses the migration's end."""
    before, after = f"nexus-{module}-", f"-{at:%Y%m%dT%H%M%SZ}"
    room = max(0, LONGEST - len(after) - len(before.encode()))
    middle = migration.encode()[:room].decode(errors="ignore")
    return (before.encode() + middle.encode())[: LONGEST - len(after)].decode(errors="ignore") + after


async def make_restore_point(session: Session) -> str | None:
    """Make one before the migration that comes, and tell its name.

    None where the server keeps too little WAL for it (wal_level=minimal).
    """
    at = await session.connection.fetchval("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    name = point_name(session.source.module, session.migration.name, at)
    try:
        lsn = await session.connection.fetchval("SELECT pg_create_restore_point($1)::text", name)
    except _REFUSED as error:
        session.say("restore-point", f"no restore point: {error}", name="", lsn="")
        return None
    session.say("restore-point", f"restore point {name} at {lsn}", name=name, lsn=lsn)
    return name
