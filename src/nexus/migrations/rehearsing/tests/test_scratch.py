"""A scratch server holds what the living one holds, is apart from it, and leaves nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus.migrations.rehearsing import leftovers
from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.migrations.rehearsing.filling import MAX_RATE, BaseBackup, Dump, Filling, fillings
from nexus.migrations.rehearsing.living import LivingServer, check_room, read_server
from nexus.migrations.rehearsing.scratch import Scratch, scratch
from nexus.migrations.rehearsing.tests.living_shop import fetch, living_shop
from nexus.postgres.cluster import Cluster
from nexus.runtimes.process.identity import alive, birth

WAYS: dict[str, Callable[[LivingServer], Filling]] = {"physical": BaseBackup, "logical": Dump}


@pytest_asyncio.fixture(loop_scope="session")
async def url(pg: Any) -> AsyncIterator[str]:
    async with living_shop(pg) as url:
        yield url


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can walk to, whatever others do to pytest's."""
    with tempfile.TemporaryDirectory(prefix="nexus-rehearsal-") as found:
        Path(found).chmod(0o755)
        yield Path(found)


@pytest.mark.parametrize("way", WAYS)
async def test_the_copy_holds_rows_roles_and_rights(url: str, folder: Path, way: str) -> None:
    server = await read_server(url, bare=True)
    asked = "SELECT count(*), sum(quantity), min(quantity) FROM shop.items"
    async with scratch(folder / "one", server, ways=[WAYS[way](server)]) as there:
        assert await fetch(there.url, asked) == await fetch(url, asked)
        mine = there.url.replace(f"postgres:{there.cluster.password}@", "shop:secret%27word@")
        assert mine != there.url
        rows = await fetch(mine, "SELECT count(*) FROM items")  # its password, rights and search_path
        assert rows[0][0] == 500
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await fetch(mine, "CREATE TABLE more (i int)")
        assert there.copy.bytes > 1_000_000
        assert way in there.copy.way
    assert not (folder / "one").exists()


@pytest.mark.parametrize("way", WAYS)
async def test_the_copy_is_apart_and_as_durable(url: str, folder: Path, way: str, pg: Any) -> None:
    server = await read_server(url, bare=True)
    async with scratch(folder / "one", server, ways=[WAYS[way](server)]) as there:
        told = {name: (await fetch(there.url, f"SHOW {name}"))[0][0] for name in
                ("fsync", "archive_mode", "shared_buffers", "max_logical_replication_workers")}  # fmt: skip
        assert told == {
            "fsync": "on",
            "archive_mode": "off",
            "shared_buffers": (await fetch(url, "SHOW shared_buffers"))[0][0],
            "max_logical_replication_workers": "0",
        }
        with pytest.raises(asyncpg.InvalidPasswordError):  # what opens the living one does not open the copy
            await asyncpg.connect(there.url.replace(there.cluster.password, pg.password))
        await fetch(there.url, "DELETE FROM shop.items")
        assert (await fetch(url, "SELECT count(*) FROM shop.items"))[0][0] == 500


async def test_where_files_cannot_be_copied_a_dump_is(url: str, folder: Path) -> None:
    server = await read_server(url, bare=True)
    broken = BaseBackup(replace(server, url=server.url.replace("127.0.0.1", "127.0.0.2")))
    async with scratch(folder / "one", server, ways=[broken, Dump(server)]) as there:
        assert there.copy.way.startswith("logical")
        assert "physical copy (pg_basebackup) was not possible" in there.copy.notes[0]
        assert (await fetch(there.url, "SELECT count(*) FROM shop.items"))[0][0] == 500


async def test_where_there_is_no_room_for_all_databases_one_is_dumped(url: str, folder: Path) -> None:
    server = replace(await read_server(url, bare=True), cluster=1 << 60, version=170_004)
    async with scratch(folder / "one", server) as there:
        assert there.copy.way.startswith("logical")
    assert "pg_basebackup) at 100M/s was not possible" in there.copy.notes[0]
    assert there.copy.notes[1] == (
        "the copy runs PostgreSQL 18, the living database 17: locks and times may differ"
    )


async def test_the_living_server_is_not_made_to_write_much_at_once(url: str) -> None:
    server = await read_server(url, bare=True)
    assert server.unwritten > 0
    assert BaseBackup(replace(server, unwritten=1 << 20)).checkpoint == "fast"
    assert BaseBackup(replace(server, unwritten=1 << 30)).checkpoint == "spread"
    (first, _) = fillings(server)
    assert isinstance(first, BaseBackup)
    assert first.max_rate == MAX_RATE


async def test_a_copy_that_would_not_fit_twice_is_refused(url: str, folder: Path) -> None:
    server = replace(await read_server(url, bare=True), bytes=1 << 60, cluster=1 << 60)
    with pytest.raises(RehearsalFailed, match="GB are free, the copy needs"):
        async with scratch(folder / "one", server):
            pass
    assert not (folder / "one").exists()
    check_room(folder, 1)


async def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(RehearsalFailed, match="the living database cannot be asked"):
        await read_server("postgresql://postgres:x@127.0.0.1:1/none", bare=True)


async def test_who_is_interrupted_leaves_nothing(url: str, folder: Path) -> None:
    server = await read_server(url, bare=True)
    there: list[Scratch] = []
    up = asyncio.Event()

    async def hold() -> None:
        async with scratch(folder / "one", server) as found:
            there.append(found)
            up.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    waiting = asyncio.create_task(up.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    told = json.loads(there[0].cluster.noted.read_text())
    assert alive(told["pid"], told["birth"])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(told["pid"], told["birth"])
    assert not (folder / "one").exists()


async def test_what_a_killed_rehearsal_left_is_found_and_cleared(folder: Path) -> None:
    place, living = folder / "dead", folder / "living"
    gone = subprocess.Popen(["true"])
    gone.wait()
    living.mkdir()
    leftovers.claim(living)
    cluster = Cluster(place / "home" / "data" / "postgres", place / "server")
    cluster.data.parent.mkdir(parents=True)
    place.chmod(0o755)
    cluster.furnish()
    await cluster.initialise()
    await cluster.start()
    (place / leftovers.OWNER).write_text(json.dumps({"pid": gone.pid, "birth": "before"}))
    told = json.loads(cluster.noted.read_text())
    assert leftovers.abandoned(folder) == (place,)
    await asyncio.to_thread(leftovers.clear, place)
    assert not alive(told["pid"], told["birth"])
    assert not place.exists()
    assert leftovers.abandoned(folder) == ()
    await cluster.stop()


def test_a_pid_that_is_another_process_now_is_not_killed(folder: Path) -> None:
    @dataclass
    class Bystander:
        process: subprocess.Popen[bytes]

    other = Bystander(subprocess.Popen(["sleep", "60"]))
    try:
        place = folder / "dead"
        (place / "server").mkdir(parents=True)
        (place / leftovers.SERVER).write_text(json.dumps({"pid": other.process.pid, "birth": "another"}))
        leftovers.clear(place)
        assert birth(other.process.pid) is not None
    finally:
        os.kill(other.process.pid, signal.SIGKILL)
        other.process.wait()
