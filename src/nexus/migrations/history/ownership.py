"""What another tool made in a module's schema is given to the schema's owner, as if a migration had made it.

Prisma makes tables as whoever it logs in as. The owner, as whom migrations run here, could not change them,
and the module's role could not read them. The lock that this needs is waited for only briefly, so that nobody
queues behind it.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.errors import MigrationBlocked
from nexus.migrations.history.names import TABLE
from nexus.migrations.migration import Source
from nexus.migrations.quoting import identifier

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LOCK_TIMEOUT = 200  # milliseconds
PAUSE = 0.5  # seconds between two attempts, up to twice as long by chance
_FOREIGN = """
WITH mine AS (SELECT n.oid AS schema, r.oid AS owner FROM pg_namespace n, pg_roles r
              WHERE n.nspname = $1 AND r.rolname = $2),
     part AS (SELECT classid, objid, deptype FROM pg_depend WHERE deptype = 'e' OR deptype IN ('a', 'i')
              AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND refobjsubid > 0)
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
       format('%I.%I', $1::text, relname) AS name
FROM pg_class c, mine WHERE relnamespace = schema AND relowner <> owner AND relname <> $3
    AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (SELECT FROM part WHERE classid = 'pg_class'::regclass AND objid = c.oid)
UNION ALL
SELECT 'TYPE', format('%I.%I', $1::text, typname)
FROM pg_type t, mine WHERE typnamespace = schema AND typowner <> owner
    AND (typtype IN ('e', 'd', 'r') OR typtype = 'c' AND EXISTS (
        SELECT FROM pg_class WHERE pg_class.oid = typrelid AND relkind = 'c'))
    AND NOT EXISTS (SELECT FROM part WHERE classid = 'pg_type'::regclass AND objid = t.oid)
UNION ALL
SELECT 'ROUTINE', p.oid::regprocedure::text
FROM pg_proc p, mine WHERE pronamespace = schema AND proowner <> owner
    AND NOT EXISTS (SELECT FROM part WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
ORDER BY 1, 2
"""
_COLUMNS_SEQUENCES = """
SELECT objid::regclass::text AS name FROM pg_depend WHERE deptype IN ('a', 'i') AND refobjid = $1::regclass
    AND classid = 'pg_class'::regclass AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S')
"""
_RIGHTS = {"TABLE": "SELECT, INSERT, UPDATE, DELETE", "SEQUENCE": "USAGE, SELECT"}
_ROLE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"


async def take_over(connection: Connection, source: Source, patience: float = 60.0) -> tuple[str, ...]:
    """Give what others own in the schema to `source.owner`, with the rights that `source.role` has on what
    the owner makes; returns the names. `connection`: a superuser's, in no transaction.

    Prisma's table stays whose it is. `patience` in seconds, for each.

    Raises:
        MigrationBlocked: somebody uses one of them all the time.
    """
    found = await connection.fetch(_FOREIGN, source.schema, source.owner, TABLE)
    if not found:
        return ()
    with_role = bool(await connection.fetchval(_ROLE, source.role))
    for row in found:
        await _take(connection, source, row["kind"], row["name"], with_role, patience)
    return tuple(row["name"] for row in found)


async def _take(
    connection: Connection, source: Source, kind: str, name: str, with_role: bool, patience: float
) -> None:
    clock = asyncio.get_running_loop()
    give_up = clock.time() + patience
    while True:
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT}")
                await connection.execute(f"ALTER {kind} {name} OWNER TO {identifier(source.owner)}")
                if with_role and kind in _RIGHTS:
                    await _grant(connection, source, kind, name)
            return
        except asyncpg.LockNotAvailableError:
            if clock.time() > give_up:
                owner = identifier(source.owner)
                raise MigrationBlocked(
                    f"{name} belongs to another role, and cannot be given to {source.owner}: it has been in "
                    f"use for {patience:g} s; when it is not: ALTER {kind} {name} OWNER TO {owner}"
                ) from None
        await asyncio.sleep(PAUSE * (1 + random.random()))


async def _grant(connection: Connection, source: Source, kind: str, name: str) -> None:
    role = identifier(source.role)
    await connection.execute(f"GRANT {_RIGHTS[kind]} ON {kind} {name} TO {role}")
    for sequence in await connection.fetch(_COLUMNS_SEQUENCES, name) if kind == "TABLE" else ():
        await connection.execute(f"GRANT {_RIGHTS['SEQUENCE']} ON SEQUENCE {sequence['name']} TO {role}")
