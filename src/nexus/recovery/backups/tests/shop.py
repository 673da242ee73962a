"""A shop whose database lives, with numbers of its own: what backups are tried on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from nexus_kit.testing.servers import PostgresServer

from nexus.migrations.rehearsing.sentence import Say, unsaid
from nexus.recovery.backups.cache import Cache
from nexus.recovery.backups.create import Wanted, create_backup
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.source import Source
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.tests.living import walkable_room
from nexus.recovery.sealing import load_keys
from nexus.runtimes.home import Home
from nexus.stack import Stack, load_stack

STACK = """\
name: shop
infrastructure: {db: {kind: database, runtime: postgres, port: 5433}}
recovery: {reserve: 64M}
"""
MODULE = "name: till\nruntime: python\nport: 9001\nneeds: {hard: [db]}\ndatabase: {schema: till}\n"
HEAD = "-- title: Sales\n-- needs: till\n-- unit: BRL\n"
TOTALS = {
    "sales.sql": f"{HEAD}SELECT NULL AS of, count(*)::numeric FROM till.sale;\n",
    "revenue.sql": f"{HEAD}SELECT kind AS of, sum(amount) FROM till.sale GROUP BY kind;\n",
    "sales.since.sql": HEAD
    + "SELECT kind, count(*), sum(amount) FROM till.sale WHERE at >= $1 GROUP BY kind;\n",
}
TABLES = """
CREATE SCHEMA till;
CREATE TABLE till.sale (
    id bigserial PRIMARY KEY, kind text DEFAULT 'cash', amount numeric(18, 2) DEFAULT 9.90,
    at timestamptz DEFAULT clock_timestamp());
CREATE TABLE till.stock AS SELECT g AS id, md5(g::text) AS name FROM generate_series(1, 200000) g;
"""


def write_stack(root: Path) -> Path:
    """The shop's manifests and totals below `root`."""
    folder = root / "modules" / "till"
    (folder / "totals").mkdir(parents=True)
    (root / "nexus.yaml").write_text(STACK)
    (folder / "module.yaml").write_text(MODULE)
    for name, text in TOTALS.items():
        (folder / "totals" / name).write_text(text)
    return root


@dataclass
class Shop:
    """`places`: the folders that backups go into, the first of them written to."""

    server: PostgresServer
    room: Path
    places: tuple[str, ...] = ("backups",)
    cache: Cache | None = None

    @property
    def url(self) -> str:
        return self.server.admin_dsn

    @property
    def home(self) -> Home:
        return Home.at(self.room / "home")

    @property
    def stack(self) -> Stack:
        return load_stack(self.room / "stack")

    @property
    def repository(self) -> Repository:
        places = [Directory(name, self.room / name, proves=False) for name in self.places]
        return Repository(places, load_keys(self.home), self.room / "scratch")

    @property
    def source(self) -> Source:
        return Source(self.stack, self.home, self.url, {"till": "abc"}, self.cache)

    async def back_up(self, kind: Wanted = "full", say: Say = unsaid) -> BackupManifest:
        return await create_backup(self.source, self.repository, kind, say)

    async def ask(self, statement: str) -> object:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    def files(self, place: str = "backups") -> list[Path]:
        """All that is stored in a place."""
        return sorted(each for each in (self.room / place).rglob("*") if each.is_file())

    @asynccontextmanager
    async def selling(self) -> AsyncIterator[None]:
        """Two tills at work while the block runs."""
        tills = [asyncio.create_task(self._sell(kind)) for kind in ("cash", "pix")]
        try:
            yield
        finally:
            for each in tills:
                each.cancel()
            await asyncio.gather(*tills, return_exceptions=True)

    async def _sell(self, kind: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            while True:
                await connection.execute("INSERT INTO till.sale (kind) VALUES ($1)", kind)
        finally:
            connection.terminate()


@contextmanager
def shop() -> Iterator[Shop]:
    """One that opened just now."""
    server = PostgresServer()
    try:
        with open(server.data / "postgresql.conf", "a") as settings:
            settings.write("wal_level = logical\nsummarize_wal = on\n")
        server.start()
        with walkable_room() as room:
            write_stack(room / "stack")
            asyncio.run(_furnish(server.admin_dsn))
            yield Shop(server, room)
    finally:
        server.remove()


async def _furnish(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(TABLES)
    finally:
        await connection.close()
