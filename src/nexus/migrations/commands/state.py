"""What the journal tells of a tool's runs, and whether rights were left behind by one that was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus.migrations.commands.digest import digest_of, name_of
from nexus.migrations.migration import Source

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

RIGHTS = "rights left by a run that was killed"
_APPLIED = """
SELECT EXISTS (
    SELECT FROM nexus.migration_run
    WHERE schema_name = $1 AND checksum = $2 AND migration = $3 AND outcome = 'applied'
)
"""
_MEMBER = """
SELECT EXISTS (
    SELECT FROM pg_auth_members
    WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = $1)
        AND member = (SELECT oid FROM pg_roles WHERE rolname = $2)
)
"""


async def pending(connection: Connection, source: Source) -> tuple[str, ...]:
    """The name of the run that the folder asks for, if it was not applied; and rights that are to be taken
    back. Reads only. `connection`: a superuser's.

    Raises:
        MigrationUnreadable: the folder cannot be read.
    """
    digest = digest_of(source)
    found = () if await is_applied(connection, source, digest) else (name_of(digest),)
    left = await may_act_as_owner(connection, source)
    return found if found or not left else (RIGHTS,)


async def is_applied(connection: Connection, source: Source, digest: str) -> bool:
    """Whether a run for exactly this folder and command has ended well."""
    if await connection.fetchval("SELECT to_regclass('nexus.migration_run')") is None:
        return False
    return bool(await connection.fetchval(_APPLIED, source.schema, digest, name_of(digest)))


async def may_act_as_owner(connection: Connection, source: Source) -> bool:
    """Whether the module's own role has its owner's rights just now."""
    return bool(await connection.fetchval(_MEMBER, source.owner, source.role))
