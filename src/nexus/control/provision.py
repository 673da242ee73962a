"""Databases: roles, schemas and migrations of the services that have one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import asyncpg

from nexus.control.facts import Facts
from nexus.control.holding_around import checking
from nexus.control.migrating.aside import aside, told_here
from nexus.control.migrating.sources import source_of
from nexus.control.secrets import ADMIN_URL, CHECK_PASSWORD, DATABASE_PASSWORD
from nexus.migrations import MigrationError, commands, provision
from nexus.migrations.applying import apply_pending
from nexus.migrations.applying.settings import Settings, Tell, Told, quiet
from nexus.migrations.bring import checker_lacks, create_database
from nexus.migrations.errors import HistoryBroken
from nexus.migrations.history import History, read_history
from nexus.migrations.history.state import Problem
from nexus.migrations.migration import Source
from nexus.migrations.reading import read
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site, needed
from nexus.stack import Service, Stack

CONNECT_S = 10.0
Carry = commands.Carry
_creating = asyncio.Lock()


@dataclass(frozen=True)
class Recorded:
    """What a schema's record says of one folder. `pending` in order, `applied` all that is, also by others.

    `problems`: what stands in the way of applying anything.
    """

    pending: tuple[str, ...] = ()
    applied: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


async def migrate(
    site: Site,
    service: Service,
    carry: Carry,
    names: Collection[str] | None = None,
    tell: Tell = quiet,
) -> None:
    """Makes the service's roles and schema, and applies what its folder of migrations holds, or only `names`.

    `carry` runs the command of a module that has a tool of its own; around it the stack's invariants are
    asked.

    Raises:
        StartError: a migration failed, or an invariant no longer holds; the message names it.
    """
    server, source = needed(site.stack, service, "postgres"), source_of(service)
    if server is None or source is None:
        raise StartError(f"{service.name} has a database but needs none hard; add postgres to needs.hard")
    url, settings = _read(site, server, ADMIN_URL), settings_of(site.stack)
    try:
        async with _creating:
            await create_database(url, _read(site, server, CHECK_PASSWORD))
        await _make_schema(url, source, _read(site, service, DATABASE_PASSWORD))
        if source.format == "command":
            check = checking(site, server, service, source)
            await commands.run(url, source, settings, carry, tell, check)
        else:
            await _apply(url, source, settings, tell, names)
    except MigrationError as error:
        raise StartError(str(error)) from error
    except (asyncpg.PostgresError, OSError) as error:
        raise StartError(f"{service.name}: {error}") from error


async def pending(
    site: Site, facts: Facts, missing: Mapping[str, object]
) -> tuple[dict[str, tuple[str, ...] | None], dict[str, str]]:
    """Migrations that are not applied, by service; None where the database cannot be asked. A role for checks
    that lacks something counts as one of the first service. And by service, what failed and how to mend it:
    that stands only in the way of what is to be applied.

    Raises:
        StartError: the history of a schema cannot go on.
    """
    failed: dict[str, str] = {}

    async def one(service: Service) -> tuple[str, tuple[str, ...] | None]:
        server = needed(site.stack, service, "postgres")
        if (
            server is None
            or not facts.ready(server.name)
            or service.name in missing
            or server.name in missing
        ):
            return service.name, None
        found = await recorded(site, service)
        if found is None:
            return service.name, None
        for problem in found.problems:
            told = f"{problem.sentence}; {problem.mend}"
            if problem.kind != "failed":
                raise StartError(told)
            failed.setdefault(service.name, told)
        lacking = await _checker_lacks(site, server) if service is owners[0] else ()
        return service.name, (*(f"role {name}" for name in lacking), *found.pending)

    owners = [service for service in site.stack.services if service.database]
    return dict(await asyncio.gather(*(one(service) for service in owners))), failed


async def recorded(site: Site, service: Service) -> Recorded | None:
    """What the record says of the folder of a service, as one of its releases has it; None where the database
    cannot be asked.

    Raises:
        StartError: the folder cannot be read.
    """
    server, source = needed(site.stack, service, "postgres"), source_of(service)
    if server is None or source is None:
        return None
    try:
        return await aside(lambda: _recorded(_read(site, server, ADMIN_URL), source))
    except MigrationError as error:
        raise StartError(str(error)) from error
    except (asyncpg.PostgresError, OSError, TimeoutError):
        return None


async def _recorded(url: str, source: Source) -> Recorded:
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_S)
    except asyncpg.InvalidCatalogNameError:  # nothing was made yet
        names = [commands.name_of(commands.digest_of(source))] if source.format == "command" else []
        return Recorded((*(each.name for each in read(source)), *names))
    try:
        if source.format == "command":
            return Recorded(await commands.pending(connection, source))
        history = await read_history(connection, source)
    finally:
        await connection.close(timeout=CONNECT_S)
    names = [each.name for each in history.pending]
    return Recorded(tuple(names), frozenset(history.applied), _obstacles(history))


def _obstacles(history: History) -> tuple[Problem, ...]:
    """One that runs at this moment is waited for, and stands in nobody's way."""
    return tuple(each for each in history.obstacles if each.kind != "interrupted")


async def _apply(
    url: str, source: Source, settings: Settings, tell: Tell, names: Collection[str] | None
) -> None:
    """In a thread of its own: the control loop goes on while large scripts are read. One that failed stands
    in nobody's way where nothing is to be applied.
    """
    told = told_here(tell)
    try:
        await aside(lambda: apply_pending(url, source, settings, told, names))
    except HistoryBroken:
        failed = await aside(lambda: _failed_alone(url, source, names))
        if not failed:
            raise
        for each in failed:
            tell(Told("failed", source.module, each.migration, sentence=f"{each.sentence}; {each.mend}"))


async def _failed_alone(url: str, source: Source, names: Collection[str] | None) -> tuple[Problem, ...]:
    """What failed, where all that is asked for is applied and nothing else is wrong; none otherwise."""
    found = await _recorded(url, source)
    due = any(names is None or name in names for name in found.pending)
    return () if due or any(each.kind != "failed" for each in found.problems) else found.problems


async def _make_schema(url: str, source: Source, password: str) -> None:
    connection = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        await connection.execute(provision(source.schema, source.role, password))
    finally:
        await connection.close(timeout=CONNECT_S)


async def _checker_lacks(site: Site, server: Service) -> tuple[str, ...]:
    try:
        return await checker_lacks(_read(site, server, ADMIN_URL))
    except (asyncpg.PostgresError, OSError, TimeoutError):
        return ()


def settings_of(stack: Stack) -> Settings:
    """How careful migrations are applied, as `nexus.yaml` says. Pure."""
    policy = stack.migrations
    return Settings(
        lock_timeout=policy.lock_timeout,
        max_block=policy.max_block,
        patience=policy.patience,
        statement_timeout=policy.statement_timeout,
    )


def _read(site: Site, service: Service, name: str) -> str:
    return site.secret(service, name).read_text().strip()
