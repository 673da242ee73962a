"""A module's own tool on a real server: a script that keeps its own table of versions, as Alembic does."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path
from typing import Any

import asyncpg

from nexus.migrations import owner_of, provision
from nexus.migrations.applying.settings import Settings, Told
from nexus.migrations.commands import Ended, pending, run
from nexus.migrations.migration import Source

SCHEMA, PASSWORD = "shop", "secret"
SETTINGS = Settings(lock_timeout=0.05, patience=20.0, turn=0.3)
_counter = itertools.count(1)
TOOL = '''\
"""Applies versions/*.sql that its own table does not name, each in a transaction."""
import asyncio, os, pathlib, sys
import asyncpg

async def main():
    url = pathlib.Path(os.environ["DATABASE_URL_FILE"]).read_text()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS version (name text PRIMARY KEY)")
    done = {row["name"] for row in await connection.fetch("SELECT name FROM version")}
    for file in sorted(pathlib.Path(sys.argv[1]).glob("*.sql")):
        if file.name not in done:
            async with connection.transaction():
                await connection.execute(file.read_text())
                await connection.execute("INSERT INTO version VALUES ($1)", file.name)
            print("applied", file.name, flush=True)

try:
    asyncio.run(main())
except asyncpg.PostgresError as error:
    sys.exit(f"{error.sqlstate} {error}")
'''


class Shop:
    """One database and the tool's folder."""

    def __init__(self, admin: str, own: str, folder: Path) -> None:
        self.admin = admin
        self.own = own
        self.folder = folder
        self.told: list[Told] = []
        self.begun: list[str] = []

    @property
    def source(self) -> Source:
        versions = self.folder / "versions"
        tool = (sys.executable, str(self.folder / "tool.py"), str(versions))
        return Source("shop", SCHEMA, owner_of(SCHEMA), SCHEMA, versions, "command", tool)

    def version(self, name: str, sql: str) -> None:
        (self.folder / "versions" / name).write_text(sql)

    async def carry(self, name: str, command: tuple[str, ...]) -> Ended:
        self.begun.append(name)
        (self.folder / "url").write_text(self.own)
        env = {"DATABASE_URL_FILE": str(self.folder / "url"), "NEXUS_STATE_DIR": str(self.folder)}
        done = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await done.communicate()
        return Ended(done.returncode or 0, said.decode())

    async def run(self, settings: Settings = SETTINGS) -> tuple[str, ...]:
        return await run(self.admin, self.source, settings, self.carry, self.told.append)

    async def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.admin)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    async def pending(self) -> tuple[str, ...]:
        connection = await asyncpg.connect(self.admin)
        try:
            return await pending(connection, self.source)
        finally:
            await connection.close()

    async def outcomes(self) -> list[Any]:
        rows = await self.fetch("SELECT outcome FROM nexus.migration_run ORDER BY started_at")
        return [outcome for (outcome,) in rows]


async def make_shop(pg: Any, folder: Path) -> Shop:
    """A database with the schema of the shop, and the tool with its first version."""
    name = f"commands_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    dsn = pg.dsn("postgres", name, pg.password)
    own = await asyncpg.connect(dsn)
    await own.execute(provision(SCHEMA, SCHEMA, PASSWORD))
    await own.close()
    (folder / "versions").mkdir()
    (folder / "tool.py").write_text(TOOL)
    made = Shop(dsn, pg.dsn(SCHEMA, name, PASSWORD), folder)
    made.version("1.sql", "CREATE TABLE items (id int PRIMARY KEY)")
    return made
