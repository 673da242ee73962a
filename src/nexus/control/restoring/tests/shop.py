"""A shop whose database lives, and whose backups and WAL are in a folder: what is restored elsewhere."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from nexus.control import secrets
from nexus.control.addresses import planned
from nexus.migrations import owner_of, provision, provision_checker
from nexus.migrations.apply import apply
from nexus.recovery.backups.create import create_backup
from nexus.recovery.backups.source import Source
from nexus.recovery.restoring.tests.living import Living, living
from nexus.runtimes.home import Home
from nexus.runtimes.process.register import Register
from nexus.runtimes.site import Site
from nexus.stack import Stack, load_stack

FILES = {
    "nexus.yaml": """\
        name: shop
        infrastructure:
          db: {kind: database, runtime: postgres, port: 5433}
        """,
    "modules/till/module.yaml": """\
        {name: till, runtime: python, port: 5003, needs: {hard: [db]}, routes: [/api/till],
         database: {schema: till}}
        """,
    "modules/till/migrations/1_sales/migration.sql": """\
        CREATE TABLE sale (id bigserial PRIMARY KEY, amount int, told timestamptz, heard timestamptz);
        """,
    "invariants/amounts.sql": """\
        -- title: every sale has an amount
        -- needs: till
        SELECT id FROM till.sale WHERE amount <= 0
        """,
    "invariants/heard.sql": """\
        -- title: what was told is heard within half a second
        -- needs: till
        SELECT id FROM till.sale WHERE heard IS NULL AND told < now() - interval '500 ms'
        """,
}


@dataclass(frozen=True)
class ShopOnDisk:
    """`room`: a folder that PostgreSQL's user can walk through; `home`: of the living stack."""

    living: Living
    stack: Stack
    home: Home

    @property
    def room(self) -> Path:
        return self.living.room

    @property
    def key(self) -> str:
        assert self.living.repository.keys.identity is not None
        return self.living.repository.keys.identity

    async def ask(self, statement: str) -> object:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    async def run(self, statements: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    async def sell(self, amount: int = 10) -> None:
        """One sale, which nobody has heard of yet; of those before it, everybody has."""
        await self.ask("UPDATE till.sale SET heard = now() WHERE heard IS NULL")
        await self.ask(f"INSERT INTO till.sale (amount, told) VALUES ({amount}, clock_timestamp())")

    async def now(self) -> float:
        return float(await self.ask("SELECT extract(epoch FROM clock_timestamp())"))  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        return f"{self.living.url.rpartition('/')[0]}/nexus"


@asynccontextmanager
async def shop_on_disk() -> AsyncIterator[ShopOnDisk]:
    """With one full backup, made when there was one sale."""
    with living() as found:
        root = found.room / "stack"
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(textwrap.dedent(text))
        for setting in ("wal_level = logical", "summarize_wal = on"):
            await found.ask(f"ALTER SYSTEM SET {setting}")
        await asyncio.to_thread(found.server.stop)
        await asyncio.to_thread(found.server.start)
        stack, home = load_stack(root), Home.at(found.room / "home")
        home.furnish()
        secrets.create(Site(stack, home, planned(stack, 0)), lambda _: None)
        with closing(Register(home.database)) as register:
            register.set("stack", "of another machine")
            register.set("runtime", "process")
        shop = ShopOnDisk(found, stack, home)
        await found.ask("CREATE DATABASE nexus")
        await shop.run(provision_checker("the checker's former password"))
        await shop.run(provision("till", "till", "the till's former password"))
        folder = stack.service("till").migrations
        assert folder is not None
        await apply(shop.url, "till", owner_of("till"), folder)
        await shop.sell()
        await create_backup(Source(stack, home, shop.url), found.repository, "full")
        yield shop
