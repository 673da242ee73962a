"""Modules' schemas from nothing to up to date: the database, their roles and schemas, their migrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.apply import apply
from nexus.migrations.applying import Settings, Tell, apply_pending, quiet
from nexus.migrations.errors import HistoryBroken
from nexus.migrations.history import History, read_history
from nexus.migrations.holding import Left, all_made, held, new_modules
from nexus.migrations.migration import Source
from nexus.migrations.planning.order import order
from nexus.migrations.roles import CHECKER, checker_is_complete, owner_of, provision, provision_checker

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

MAINTENANCE = "postgres"  # the database that every server has


async def bring(url: str, schema: str, role: str, password: str, folder: Path) -> None:
    """Bring `schema` up to date with `folder`. `url` is a superuser's, of a database that exists.

    `role` may read and write rows there with `password`. Done again, it changes nothing.

    Raises:
        MigrationError: a migration failed or the history cannot go on.
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    await _provision(url, [(schema, role, password)])
    await apply(url, schema, owner_of(schema), folder, role)


@dataclass(frozen=True)
class Brought:
    """`applied`: as `module/name`, in order. `left`: what must wait for releases."""

    applied: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()


async def bring_all(
    url: str,
    sources: Sequence[Source],
    passwords: Mapping[str, str],
    tell: Tell = quiet,
    settings: Settings = Settings(),
    contracts: bool = False,
) -> Brought:
    """Bring the schemas of several modules up to date, each migration behind those of other modules that it
    waits for. What an older release may need, or waits for a release, is left with all that comes after it,
    unless no release has run on the schema yet.

    Args:
        passwords: of the modules' roles, by module.
        settings: how careful; one restore point is named at most, before the first.
        contracts: nothing is left: the caller knows that no older release runs.

    Raises:
        MigrationError: a migration failed or cannot be read, a history cannot go on (nothing was applied
            then), or migrations wait for each other.
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: the server refuses or is away.
    """
    await _provision(url, [(each.schema, each.role, passwords[each.module]) for each in sources])
    connection = await asyncpg.connect(url, timeout=10)
    try:
        histories = await _histories(connection, sources)
        new = await new_modules(connection, histories)
    finally:
        await connection.close()
    able, left = (order(histories), ()) if contracts else held(histories, new)
    done: list[str] = []
    for module, run in groupby(able, key=lambda step: step[0]):
        names = [migration.name for _, migration in run]
        applied = await apply_pending(url, histories[module].source, settings, tell, names)
        done += [f"{module}/{name}" for name in applied]
        settings = replace(settings, restore_point=False)  # one, before the first of them
    await _made(url, [histories[each] for each in sorted(new)])
    return Brought(tuple(done), left)


async def _provision(url: str, roles: Sequence[tuple[str, str, str]]) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for schema, role, password in roles:
            await connection.execute(provision(schema, role, password))
    finally:
        await connection.close()


async def _histories(connection: Connection, sources: Sequence[Source]) -> dict[str, History]:
    histories = {each.module: await read_history(connection, each) for each in sources}
    for history in histories.values():
        for problem in history.obstacles:
            if problem.kind != "interrupted":  # it may run at this moment; who applies waits for its turn
                raise HistoryBroken(f"{problem.sentence}; {problem.mend}", problem.code)
    return histories


async def _made(url: str, histories: Sequence[History]) -> None:
    if not histories:
        return
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for each in histories:
            await all_made(connection, each)
    finally:
        await connection.close()


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
