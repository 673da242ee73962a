"""Databases: roles, schemas and migrations of the services that have one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import asyncpg

from nexus.control.facts import Facts
from nexus.control.secrets import ADMIN_URL, CHECK_PASSWORD, DATABASE_PASSWORD, role
from nexus.migrations import MigrationError, bring, checker_lacks, create_database, read_folder
from nexus.migrations import pending as pending_in
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site, needed
from nexus.stack import Service

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
    try:
        async with _creating:
            await create_database(url, _read(site, server, CHECK_PASSWORD))
        schema, password = service.database.schema_, _read(site, service, DATABASE_PASSWORD)
        await bring(url, schema, role(service), password, service.migrations)
    except MigrationError as error:
        raise StartError(str(error)) from error
    except (asyncpg.PostgresError, OSError) as error:
        raise StartError(f"{service.name}: {error}") from error


async def pending(
    site: Site, facts: Facts, missing: Mapping[str, object]
) -> dict[str, tuple[str, ...] | None]:
    """Migrations that are not applied, by service; None where the database cannot be asked. A role for checks
    that lacks something counts as one of the first service.

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
            lacking = await checker_lacks(url) if service is owners[0] else ()
            return service.name, (*(f"role {name}" for name in lacking), *names)
        except asyncpg.InvalidCatalogNameError:
            return service.name, tuple(m.name for m in read_folder(service.migrations))
        except MigrationError as error:
            raise StartError(str(error)) from error
        except (asyncpg.PostgresError, OSError, TimeoutError):
            return service.name, None

    owners = [service for service in site.stack.services if service.database]
    return dict(await asyncio.gather(*(one(service) for service in owners)))


def _read(site: Site, service: Service, name: str) -> str:
    return site.secret(service, name).read_text().strip()
