"""One module's database from nothing to up to date: the database, its roles and schema, its migrations."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from nexus.migrations.apply import apply
from nexus.migrations.roles import CHECKER, checker_is_complete, owner_of, provision, provision_checker

MAINTENANCE = "postgres"  # the database that every server has


async def bring(url: str, schema: str, role: str, password: str, folder: Path) -> None:
    """Bring `schema` up to date with `folder`. `url` is a superuser's, of a database that exists.

    `role` may read and write rows there with `password`. Done again, it changes nothing.

    Raises:
        MigrationError: a migration failed or the history cannot go on.
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(provision(schema, role, password))
    finally:
        await connection.close()
    await apply(url, schema, owner_of(schema), folder, role)


async def create_database(url: str, check_password: str) -> None:
    """Create the database that `url` names, and the role that runs the checks, where they are missing or lack
    something.

    One caller at a time. Raises asyncpg.PostgresError or OSError when the server refuses or is away.
    """
    base, _, database = url.rpartition("/")
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except asyncpg.InvalidCatalogNameError:
        server = await asyncpg.connect(f"{base}/{MAINTENANCE}", timeout=10)
        try:
            await server.execute(f'CREATE DATABASE "{database}"')
        finally:
            await server.close()
        connection = await asyncpg.connect(url, timeout=10)
    try:
        if not await connection.fetchval(checker_is_complete()):
            await connection.execute(provision_checker(check_password))
    finally:
        await connection.close()


async def checker_lacks(url: str) -> tuple[str, ...]:
    """Return the role that runs the checks when it lacks something that `create_database` would give it.

    Raises asyncpg.PostgresError or OSError when the server refuses or is away.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        complete = await connection.fetchval(checker_is_complete())
    finally:
        await connection.close()
    return () if complete else (CHECKER,)
