"""A schema of its own in a database of its own, with a folder of migrations: what the tests apply."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg

from nexus.migrations import Source, owner_of, provision
from nexus.migrations.applying import Settings, Told, apply_pending
from nexus.migrations.history.resolve import mark_rolled_back
from nexus.migrations.history.resuming import mark_resumed

SCHEMA = "shop"
EAGER = Settings(lock_timeout=0.1, max_block=0.2, patience=30.0)
GIVE_UP = 30.0  # seconds that a condition is waited for
_counter = itertools.count(1)


@dataclass
class Shop:
    """`told`: all that `apply` told so far."""

    dsn: str
    folder: Path
    told: list[Told] = field(default_factory=list)

    @property
    def source(self) -> Source:
        return Source(SCHEMA, SCHEMA, owner_of(SCHEMA), SCHEMA, self.folder)

    def write(self, name: str, sql: str | bytes) -> Path:
        path = self.folder / name / "migration.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sql.encode() if isinstance(sql, str) else sql)
        return path

    async def apply(self, settings: Settings = EAGER, names: Any = None, **change: Any) -> tuple[str, ...]:
        return await apply_pending(
            self.dsn, self.source, replace(settings, **change), self.told.append, names
        )

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        """Rows as tuples, of a connection in the schema."""
        async with self.connection() as connection:
            return [tuple(row) for row in await connection.fetch(sql, *arguments)]

    async def value(self, sql: str, *arguments: Any) -> Any:
        return (await self.fetch(sql, *arguments))[0][0]

    async def run(self, sql: str) -> None:
        async with self.connection() as connection:
            await connection.execute(sql)

    async def rolled_back(self, name: str) -> None:
        async with self.connection() as connection:
            await mark_rolled_back(connection, self.source, name)

    async def resumed(self, name: str) -> None:
        async with self.connection() as connection:
            await mark_resumed(connection, self.source, name)

    async def rows(self) -> list[Any]:
        """Prisma's rows: name, state."""
        return await self.fetch(
            "SELECT migration_name, CASE WHEN rolled_back_at IS NOT NULL THEN 'rolled back'"
            " WHEN finished_at IS NOT NULL THEN 'applied' WHEN logs IS NOT NULL THEN 'failed'"
            " ELSE 'running' END FROM _prisma_migrations ORDER BY started_at"
        )

    @asynccontextmanager
    async def connection(self, application: str = "app") -> AsyncIterator[Any]:
        settings = {"search_path": SCHEMA, "application_name": application}
        connection = await asyncpg.connect(self.dsn, server_settings=settings)
        try:
            yield connection
        finally:
            await connection.close()

    def kinds(self) -> list[str]:
        return [each.kind for each in self.told]


async def make_shop(pg: Any, folder: Path) -> Shop:
    name = f"shop_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    shop = Shop(pg.dsn("postgres", name, pg.password), folder)
    await shop.run(provision(SCHEMA, SCHEMA, "secret"))
    return shop


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """What `condition` returns, once it is true."""
    async with asyncio.timeout(GIVE_UP):
        while not (found := await condition()):
            await asyncio.sleep(0.01)
        return found
