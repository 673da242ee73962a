"""The real Prisma Migrate, where there is one, and a database and a folder that both tools read.

NEXUS_PRISMA_ORACLE names a program that is called `PROGRAM PRISMA_DIR URL deploy|status|resolve …` and runs
`prisma migrate` with these words. Without it, these tests are skipped.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus.migrations import owner_of, provision
from nexus.migrations.apply import apply
from nexus.migrations.migration import Source

SCHEMA = "shop"
_BESIDE = Path(__file__).resolve().parents[3] / "shared/prisma/oracle"
_DATASOURCE = 'datasource db {\n  provider = "postgresql"\n  url = "postgresql://unused"\n}\n'
# Prisma's process lives until its timers and connections end, 10 s after its work is done, without these two.
_TIMERS = """
const setReal = global.setTimeout;
global.setTimeout = (call, delay, ...rest) => {
  const timer = setReal(call, delay, ...rest);
  return delay >= 10000 ? timer.unref() : timer;
};
"""
_LOGIN = """
CREATE ROLE prisma LOGIN SUPERUSER PASSWORD 'secret';
ALTER ROLE prisma SET idle_session_timeout = '1s'
"""
_counter = itertools.count(1)


@pytest.fixture(scope="session")
def program() -> Path:
    """The program that runs Prisma Migrate."""
    told = Path(os.environ.get("NEXUS_PRISMA_ORACLE", _BESIDE))
    if not told.is_file():
        pytest.skip(f"no Prisma Migrate to compare with: {told} is not there (set NEXUS_PRISMA_ORACLE)")
    if shutil.which("node") is None:
        pytest.skip("no Prisma Migrate to compare with: node is not installed")
    return told


@pytest.fixture(scope="session")
def engine_home(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the oracle finds Prisma. `resolve --rolled-back` first asks a native engine whether there is a
    database; there is no native engine, so this one says yes. All else is done by the real one.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    installed = Path(os.environ.get("PRISMA_ORACLE_HOME") or cache / "prisma-oracle")
    if not (installed / "node_modules" / ".bin" / "prisma").exists():
        pytest.skip(
            f"no Prisma Migrate to compare with: run {program} once, it installs Prisma in {installed}"
        )
    home = tmp_path_factory.mktemp("prisma")
    (home / "node_modules").symlink_to(installed / "node_modules")
    engine = home / "unused-engine"
    engine.write_text('#!/bin/sh\ncase "$*" in *can-connect-to-database) exit 0 ;; esac\nexit 1\n')
    engine.chmod(0o755)
    (home / "timers.cjs").write_text(_TIMERS)
    return home


@dataclass(frozen=True)
class Ran:
    """What a run of Prisma's ended with."""

    code: int
    text: str


@dataclass
class Both:
    """A folder of migrations and schemas of one database, for both tools."""

    program: Path
    engine_home: Path
    home: Path
    url: str
    prisma_url: str
    connection: Any

    def source(self, schema: str = SCHEMA) -> Source:
        """The folder as ours."""
        return Source(schema, schema, owner_of(schema), schema, self.home / "migrations")

    def write(self, name: str, script: str | bytes) -> None:
        """Put a migration into the folder."""
        file = self.home / "migrations" / name / "migration.sql"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(script if isinstance(script, bytes) else script.encode())

    async def prisma(self, *words: str, schema: str = SCHEMA) -> Ran:
        """Run `prisma migrate` with these words on a schema."""
        address = f"{self.prisma_url}?schema={schema}"
        process = await asyncio.create_subprocess_exec(
            str(self.program),
            str(self.home),
            address,
            *words,
            env={
                **os.environ,
                "PRISMA_ORACLE_HOME": str(self.engine_home),
                "NODE_OPTIONS": f"--require {self.engine_home / 'timers.cjs'}",
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        text, _ = await asyncio.wait_for(process.communicate(), 120)
        return Ran(process.returncode or 0, text.decode())

    async def nexus(self, schema: str = SCHEMA) -> list[str]:
        """Apply what is pending with Nexus."""
        return await apply(self.url, schema, owner_of(schema), self.home / "migrations")

    async def make(self, schema: str) -> None:
        """Make one more schema with its roles."""
        await self.connection.execute(provision(schema, schema, "secret"))

    async def rows(self, schema: str = SCHEMA) -> list[dict[str, Any]]:
        """The record without what differs by nature: ids and times; of times, which are there."""
        record = await self.connection.fetch(
            f"SELECT * FROM {schema}._prisma_migrations ORDER BY started_at, finished_at NULLS FIRST"
        )
        return [
            {
                key: (value is not None if key.endswith("_at") else len(value) if key == "id" else value)
                for key, value in row.items()
            }
            for row in record
        ]


@pytest_asyncio.fixture(loop_scope="session")
async def both(program: Path, engine_home: Path, pg: Any, tmp_path: Path) -> AsyncIterator[Both]:
    """A database with the schema shop and a folder with two migrations."""
    name = f"prisma_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'prisma')"):
        await admin.execute(_LOGIN)
    await admin.close()
    url = pg.dsn("postgres", name, pg.password)
    connection = await asyncpg.connect(url)
    prisma_url = pg.dsn("prisma", name, "secret")
    found = Both(program, engine_home, tmp_path, url, prisma_url, connection)
    (tmp_path / "schema.prisma").write_text(_DATASOURCE)
    found.write("20260101000000_items", "CREATE TABLE items (id int PRIMARY KEY);\n")
    found.write("20260102000000_price", "ALTER TABLE items ADD COLUMN price numeric;\n")
    (tmp_path / "migrations" / "migration_lock.toml").write_text('provider = "postgresql"\n')
    await found.make(SCHEMA)
    try:
        yield found
    finally:
        await connection.close()
