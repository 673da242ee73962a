"""Databases: roles, schemas and migrations of the services that have one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import asyncpg

from nexus.control.facts import Facts
from nexus.control.secrets import ADMIN_URL, CHECK_PASSWORD, DATABASE, DATABASE_PASSWORD, role
from nexus.migrations import (
    MigrationError,
    apply,
    owner_of,
    provision,
    provision_checker,
    read_folder,
)
from nexus.migrations import pending as pending_in
from nexus.runtimes.process.site import Site, needed
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

MAINTENANCE = "postgres"  # the database that every server has
_creating = asyncio.Lock()


async def migrate(site: Site, service: Service) -> None:
    """Makes the service's roles and schema, and applies what its folder of migrations holds.

    Raises:
        StartError: a migration failed; the message names it.
    """
    server = needed(site.stack, service, "postgres")
    if server is None or service.database is None or service.migrations is None:
        raise StartError(f"{service.name} has a database but needs none hard; add postgres to needs.hard")
    url = _read(site, server, ADMIN_URL)
    schema, owner, user = service.database.schema_, owner_of(service.database.schema_), role(service)
    try:
        async with _creating:
            await _create_database(url, _read(site, server, CHECK_PASSWORD))
        connection = await asyncpg.connect(url, timeout=10)
        try:
            await connection.execute(provision(schema, user, _read(site, service, DATABASE_PASSWORD)))
        finally:
            await connection.close()
        await apply(url, schema, owner, service.migrations, user)
    except MigrationError as error:
        raise StartError(str(error)) from error
    except (asyncpg.PostgresError, OSError) as error:
        raise StartError(f"{service.name}: {error}") from error


async def pending(
    site: Site, facts: Facts, missing: Mapping[str, object]
) -> dict[str, tuple[str, ...] | None]:
    """Migrations that are not applied, by service; None where the database cannot be asked.

    Raises:
        StartError: the history of a schema cannot go on.
    """

    async def one(service: Service) -> tuple[str, tuple[str, ...] | None]:
        server = needed(site.stack, service, "postgres")
        if (
            server is None
            or not facts.ready(server.name)
            or service.name in missing
            or server.name in missing
        ):
            return service.name, None
        assert service.database is not None
        assert service.migrations is not None
        try:
            url = _read(site, server, ADMIN_URL)
            names = await pending_in(url, service.database.schema_, service.migrations)
            return service.name, tuple(names)
        except asyncpg.InvalidCatalogNameError:
            return service.name, tuple(m.name for m in read_folder(service.migrations))
        except MigrationError as error:
            raise StartError(str(error)) from error
        except (asyncpg.PostgresError, OSError, TimeoutError):
            return service.name, None

    return dict(await asyncio.gather(*(one(s) for s in site.stack.services if s.database)))


async def _create_database(url: str, check_password: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except asyncpg.InvalidCatalogNameError:
        server = await asyncpg.connect(url.rpartition("/")[0] + f"/{MAINTENANCE}", timeout=10)
        try:
            await server.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await server.close()
        connection = await asyncpg.connect(url, timeout=10)
    try:
        if not await connection.fetchval("SELECT to_regrole('nexus_check') IS NOT NULL"):
            await connection.execute(provision_checker(check_password))
    finally:
        await connection.close()


def _read(site: Site, service: Service, name: str) -> str:
    return site.home.secret(service.name, name).read_text().strip()
