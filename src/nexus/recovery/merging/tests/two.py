"""Two databases with the same tables: one as it was, one as it is."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from nexus_kit.testing.servers import PostgresServer

from nexus.business import Invariant
from nexus.migrations import owner_of, provision
from nexus.recovery.merging.difference import Difference, Policy
from nexus.recovery.merging.merged import Merged
from nexus.recovery.merging.merging import Merge
from nexus.recovery.merging.spool import Spool
from nexus.recovery.merging.survey import Asked, survey

SCHEMA = "crm"
EVERYTHING = Policy(deleted=True, changed=True, added=True)


@dataclass
class Two:
    """`then` and `now`: the superuser's addresses; `folder`: where comparisons are spooled."""

    then: str
    now: str
    folder: Path

    @property
    def spool(self) -> Spool:
        return Spool(self.folder / "one")

    async def run(self, url: str, *statements: str) -> None:
        connection = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
        try:
            for each in statements:
                await connection.execute(each)
        finally:
            await connection.close()

    async def both(self, *statements: str) -> None:
        """The same then and now."""
        for url in (self.then, self.now):
            await self.run(url, f"SET ROLE {owner_of(SCHEMA)}", *statements)

    async def rows(self, table: str, url: str = "") -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url or self.now)
        try:
            return [
                tuple(row)
                for row in await connection.fetch(f"SELECT t::text FROM {SCHEMA}.{table} AS t ORDER BY 1")
            ]
        finally:
            await connection.close()

    async def value(self, question: str) -> Any:
        connection = await asyncpg.connect(self.now)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    async def compare(self, *tables: str, where: str = "", policy: Policy | None = None) -> Difference:
        asked = Asked("crm", SCHEMA, tables, where, policy or Policy(changed=True))
        return await survey(self.then, self.now, asked, self.spool, "then")

    async def merge(self, found: Difference, invariants: Sequence[Invariant] = (), **more: Any) -> Merged:
        return await Merge(self.now, found, self.spool, invariants, **more).run()


@asynccontextmanager
async def two(server: PostgresServer) -> AsyncIterator[Two]:
    """Both without tables."""
    name = f"n{abs(hash(tempfile.mktemp()))}"
    admin = await asyncpg.connect(server.admin_dsn)
    base = urlsplit(server.admin_dsn)
    urls = [base._replace(path=f"/{name}_{which}").geturl() for which in ("then", "now")]
    try:
        for url in urls:
            await admin.execute(f"CREATE DATABASE {urlsplit(url).path[1:]}")
            connection = await asyncpg.connect(url)
            await connection.execute(provision(SCHEMA, SCHEMA, "x"))
            await connection.close()
        with tempfile.TemporaryDirectory() as folder:
            yield Two(urls[0], urls[1], Path(folder))
    finally:
        for url in urls:
            await admin.execute(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")
        await admin.close()
