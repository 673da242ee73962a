"""A real server, a stack's home beside it, and the stream's real process between them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
from nexus_kit.testing.servers import PostgresServer, die_with_parent

from nexus.postgres import Cluster, programs
from nexus.recovery import layout, lsn
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.places import open_place
from nexus.recovery.repository import Repository
from nexus.recovery.sealing.keyring import load_keys
from nexus.recovery.streaming import rooms
from nexus.recovery.streaming.coverage import coverage
from nexus.recovery.streaming.fetch import fetch_wal
from nexus.recovery.streaming.status import StreamStatus, read_status
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts
from nexus.runtimes.process.identity import alive
from nexus.stack.recovering import LOCAL, RecoveryPolicy

WITHIN = 60.0  # seconds after which what is waited for does not come


class Streamed:
    """The stream of `server`; other places are folders below `root`."""

    def __init__(self, root: Path, server: PostgresServer, *places: str, **policy: Any) -> None:
        self.root = root
        self.server = server
        self.home = Home.at(root / "home")
        self.home.prepare()
        self.home.furnish()
        self.url = root / "url"
        self.url.write_text(server.admin_dsn)
        folders = {name: {"kind": "directory", "path": name} for name in places}
        self.policy = RecoveryPolicy.model_validate({"reserve": "1M", **policy, "places": folders})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the stream's process."""
        with open(self.root / "log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nexus.recovery.streaming", str(self.home.root)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        self.tell(self.policy)

    def tell(self, policy: RecoveryPolicy) -> None:
        """Tells it what there is to do."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.policy = policy
        self.process.stdin.write(Told(self.root, self.url, policy).to_line().encode() + b"\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL to the stream's process."""
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()

    def stop(self) -> int:
        """Has it end orderly; returns its exit code."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(WITHIN)

    @property
    def pid(self) -> int:
        """Of the stream's process."""
        assert self.process is not None
        return self.process.pid

    def receiver(self) -> int | None:
        """The living pg_receivewal's pid."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            noted = json.loads(rooms.receiver(self.home).read_text())
            if noted["birth"] and alive(noted["pid"], noted["birth"]):
                return int(noted["pid"])
        return None

    def said(self) -> str:
        """What the process logged."""
        path = self.root / "log"
        return path.read_text() if path.exists() else ""

    async def until(self, wanted: Callable[[StreamStatus], Any]) -> StreamStatus:
        """Waits until the living stream says so."""
        give_up = time.monotonic() + WITHIN
        status = None
        while time.monotonic() < give_up:
            status = read_status(self.home)
            if status is not None and status.alive and wanted(status):
                return status
            await asyncio.sleep(0.05)
        raise AssertionError(f"the stream does not get there: {status}\n{self.said()[-3000:]}")

    async def until_sealed(self, *places: str) -> StreamStatus:
        """Waits until all that the server has written is in the archive and in these places."""
        async with connected(self.server) as connection:
            end = lsn.parse(await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text"))

        def there(status: StreamStatus) -> bool:
            reached = [status.sealed_lsn, *(each.lsn for each in status.places if each.name in places)]
            return all(each is not None and lsn.parse(each) >= end for each in reached)

        return await self.until(there)

    def repository(self, *names: str) -> Repository:
        """What is in these places; without any, in all, the local one first."""
        places = {LOCAL: None, **self.policy.places}
        chosen = tuple(open_place(each, places[each], self.root, self.home) for each in names or places)
        return Repository(chosen, load_keys(self.home), self.root / "scratch")

    async def fetched(self, repository: Repository) -> Path:
        """A folder that the server's user can read, with all the WAL that the repository has."""
        account = programs.postgres_account()
        wal = accounts.private_folder(Path(tempfile.mkdtemp(dir=self.root)), account)
        names = [
            lsn.segment(span.timeline, place, SEGMENT)
            for span in await coverage(repository)
            for place in range(span.start_lsn // SEGMENT * SEGMENT, span.end_lsn, SEGMENT)
        ]
        names += [
            each.key.removeprefix("wal/")
            for each in await repository.entries("wal/")
            if each.key.endswith(".history")
        ]
        for name in names:
            await fetch_wal(repository, name, wal / name)
            accounts.give(wal / name, account)
        return wal

    @contextlib.asynccontextmanager
    async def restored(self, backup: Path, repository: Repository) -> AsyncIterator[Cluster]:
        """A server of its own, from a plain base backup and all the WAL that the repository has."""
        wal = await self.fetched(repository)
        with tempfile.TemporaryDirectory(dir=self.root) as room:
            Path(room).chmod(0o711)
            data = Path(room, "data")
            shutil.copytree(backup, data)
            (data / "recovery.signal").touch()
            settings = {
                "restore_command": f"'cp {wal}/%f %p'",
                "recovery_target_timeline": "'latest'",
                "hot_standby": "off",  # it answers when all is replayed
            }
            cluster = Cluster(data, Path(room, "server"), settings, password=self.server.password)
            accounts.give_tree(data, cluster.account)
            cluster.furnish()
            try:
                await cluster.start()
                yield cluster
            finally:
                await cluster.stop()

    async def put_full_backup(self, start: str) -> None:
        """Stores the manifest of a full backup that began at a place in the WAL."""
        status = read_status(self.home)
        assert status is not None
        name = layout.new_id("full", time.time())
        told = BackupManifest(
            id=name,
            kind="full",
            parent=None,
            stack="test",
            system=status.system,
            version=180000,
            timeline=status.timeline,
            segment=SEGMENT,
            start_lsn=start,
            end_lsn=start,
            began=0.0,
            ended=0.0,
            plain=0,
            parts=(),
            files=Stored("", 0, "", 0),
        )
        await self.repository(LOCAL).put(layout.manifest(name), told.json())

    async def base_backup(self) -> Path:
        """A plain base backup, without WAL."""
        account = programs.postgres_account()
        folder = accounts.private_folder(self.root / "base", account)
        passwords = programs.password_file(self.root, self.server.admin_dsn, account)
        tools = programs.Programs(self.root, account)
        arguments = ("-D", str(folder / "data"), "-X", "none", "-c", "fast", "--no-sync")
        await tools.run(
            "pg_basebackup", *programs.connection(self.server.admin_dsn), *arguments, passwords=passwords
        )
        return folder / "data"


SEGMENT = 16 << 20
# What a connection ends with while its server is killed.
LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@contextlib.contextmanager
def streamed(*places: str, fsync: bool = False, **policy: Any) -> Iterator[Streamed]:
    """A stream, not started yet, with a server that runs; nothing is left of both afterwards."""
    with tempfile.TemporaryDirectory(prefix="nexus-stream-") as root, PostgresServer.serving(fsync) as server:
        Path(root).chmod(0o711)
        stream = Streamed(Path(root), server, *places, **policy)
        try:
            yield stream
        finally:
            stream.kill()
            print(stream.said()[-4000:])  # shown where a test fails
            if (receiver := stream.receiver()) is not None:
                os.kill(receiver, signal.SIGKILL)


@contextlib.asynccontextmanager
async def connected(server: PostgresServer) -> AsyncIterator[Any]:
    """A connection of the superuser's."""
    connection = await asyncpg.connect(server.admin_dsn, timeout=10)
    try:
        yield connection
    finally:
        connection.terminate()


class Writer:
    """Commits numbers, one after the other, through all outages. `acknowledged`: number → when, by
    CLOCK_MONOTONIC.
    """

    def __init__(self, server: PostgresServer, rate: float = 100.0) -> None:
        self._server = server
        self._pause = 1.0 / rate
        self._task: asyncio.Task[None] | None = None
        self.acknowledged: dict[int, float] = {}

    async def __aenter__(self) -> Writer:
        async with connected(self._server) as connection:
            await connection.execute("CREATE TABLE numbers (n bigint PRIMARY KEY, filler text)")
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def more(self, count: int) -> None:
        """Waits until so many more were acknowledged."""
        wanted, give_up = len(self.acknowledged) + count, time.monotonic() + WITHIN
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < give_up, "nothing is acknowledged any more"
            await asyncio.sleep(0.01)

    async def _write(self) -> None:
        number = 0
        while True:
            with contextlib.suppress(*LOST):
                async with connected(self._server) as connection:
                    while True:
                        number += 1
                        filler = random.randbytes(500).hex()
                        await connection.execute("INSERT INTO numbers VALUES ($1, $2)", number, filler)
                        self.acknowledged[number] = time.monotonic()
                        await asyncio.sleep(self._pause)
            await asyncio.sleep(0.05)


async def numbers(cluster: Cluster) -> set[int]:
    """What a restored server has."""
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        return {row["n"] for row in await connection.fetch("SELECT n FROM numbers")}
    finally:
        await connection.close()
