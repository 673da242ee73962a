"""A real small repository with all kinds of files in it, and a company under a control loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from nexus.postgres import Cluster
from nexus.recovery import layout, lsn
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.places.directory import Directory
from nexus.recovery.places.marker import Marker
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.scratch import restored
from nexus.recovery.restoring.target import Target
from nexus.recovery.restoring.tests.living import Living, living, store_wal, walkable_room
from nexus.recovery.streaming.belonging import claim


@dataclass
class Stored:
    """A database and what is stored of it: a full and an incremental backup, the WAL of two lives, a report.

    `moments`: instants of the server's clock (seconds since the epoch) → how many sales there were.
    """

    living: Living
    full: BackupManifest
    incremental: BackupManifest
    sales: int
    moments: dict[float, int] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """All that is stored."""
        return sorted(each for each in self.folder.rglob("*") if each.is_file())

    @property
    def folder(self) -> Path:
        return self.living.room / "backups"

    def key(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix()

    def place(self, name: str, folder: Path) -> Directory:
        """A folder as any place but the stack's own is opened: with the marker that it had at first."""
        return Directory(name, folder, Marker(name, self.living.room / "markers" / "backups"))


async def count(cluster: Cluster) -> int:
    """How many sales a restored server has."""
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM sale"))
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stored() -> AsyncIterator[Stored]:
    """Made once; who changes a file puts it back."""
    with living() as found:
        marked = Directory(
            "backups", found.room / "backups", Marker("backups", found.room / "markers/backups")
        )
        found.repository = Repository((marked,), found.repository.keys, found.room / "scratch")
        for setting in ("wal_level = logical", "summarize_wal = on"):
            await found.ask(f"ALTER SYSTEM SET {setting}")
        await asyncio.to_thread(found.server.stop)
        await asyncio.to_thread(found.server.start)
        await found.ask("CREATE TABLE sale (id bigserial PRIMARY KEY, at timestamptz DEFAULT now())")
        await claim(
            found.repository, str(await found.ask("SELECT system_identifier FROM pg_control_system()"))
        )
        await found.sell(10)
        full = await found.back_up("full")
        made = Stored(found, full, full, 0)
        for number in range(3):
            sold = await found.sell(5)
            made.moments[await found.now()] = sold
            if number == 1:
                await found.ask("SELECT pg_switch_wal()")
            await found.archive()
        made.incremental = await found.back_up("incremental")
        made.moments[await found.now()] = made.sales = await found.sell(5)
        await found.archive()
        await _second_life(made)
        await found.repository.put(f"{layout.REPORTS}20261126T040000Z-nightly", b"{}")
        yield made


async def _second_life(made: Stored) -> None:
    """A restore branches off, and what was sold since is archived: so there is a history, too."""
    repository = made.living.repository
    choice = await choose(repository, Target("latest"))
    with walkable_room() as room:
        async with restored(choice, repository, room / "second") as (cluster, _):
            connection = await asyncpg.connect(cluster.url("postgres"))
            await connection.execute("INSERT INTO sale DEFAULT VALUES")
            end = await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text")
            await connection.close()
            await store_wal(repository, cluster.data / "pg_wal", 2, lsn.parse(end))
    made.sales += 1


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that PostgreSQL's user can walk through."""
    with walkable_room() as found:
        yield found
