"""What is measured: a database of pgbench's tables and orders, and a folder that its backups go into."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from nexus_kit.testing.servers import PG_BIN, PostgresServer

from nexus.postgres import programs
from nexus.recovery.backups.source import Source
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import load_keys
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts
from nexus.stack import load_stack

STACK = "name: bench\ninfrastructure: {db: {kind: database, runtime: postgres, port: 5433}}\n"
MODULE = "name: orders\nruntime: python\nport: 9001\nneeds: {hard: [db]}\ndatabase: {schema: public}\n"
ORDERS = """
CREATE TABLE orders AS SELECT g AS id, 'placed' AS state, now() - g * interval '7 seconds' AS at,
    round((random() * 9000)::numeric, 2) AS amount, gen_random_uuid() AS customer, md5(g::text) AS reference,
    'order ' || g || ' of ' || md5((g %% 9000)::text) AS note
FROM generate_series(1, %d) g;
ALTER TABLE orders ADD PRIMARY KEY (id);
VACUUM ANALYZE orders;
"""
ORDERS_OF_ONE = 37_000  # in as many bytes as pgbench's tables have at scale 1
SETTINGS = "wal_level = logical\nsummarize_wal = on\ntrack_commit_timestamp = on\n"


@dataclass
class Subject:
    """`room` is a folder that PostgreSQL's user can walk through."""

    server: PostgresServer
    room: Path

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.server.data

    @property
    def source(self) -> Source:
        """What a backup takes."""
        return Source(load_stack(self.room / "stack"), self.home, self.server.admin_dsn, artefacts=False)

    @property
    def home(self) -> Home:
        """Of the stack that it would be."""
        return Home.at(self.room / "home")

    @property
    def repository(self) -> Repository:
        """Where backups go."""
        place = Directory("local", self.room / "backups", proves=False)
        return Repository((place,), load_keys(self.home), self.room / "scratch")

    async def ask(self, statement: str) -> object:
        """The first value that a statement gives."""
        connection = await asyncpg.connect(self.server.admin_dsn)
        try:
            return await connection.fetchval(statement, timeout=600)
        finally:
            await connection.close()

    def peer(self, *command: str, **to: object) -> None:
        """Runs one of PostgreSQL's programs, or another, as the server's user."""
        account = programs.postgres_account()
        user: dict[str, object] = {"user": account.uid, "group": account.gid} if account else {}
        env = {**programs.environment(), "PGPASSWORD": self.server.password}
        subprocess.run(command, check=True, cwd="/", env=env, **user, **to)  # type: ignore[call-overload]

    def pgbench(self, *options: str) -> str:
        """Runs it; returns what it printed."""
        command = [str(PG_BIN / "pgbench"), *programs.connection(self.server.admin_dsn), *options, "postgres"]
        env = {**programs.environment(), "PGPASSWORD": self.server.password}
        return subprocess.run(
            [each for each in command if each != "-w"],
            check=True, env=env, capture_output=True, text=True,
        ).stdout  # fmt: skip

    @contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """A private one of the server's user, gone after the block."""
        path = accounts.private_folder(self.room / name, programs.postgres_account())
        try:
            yield path
        finally:
            shutil.rmtree(path)


@contextmanager
def subject(scale: int, where: str | None) -> Iterator[Subject]:
    """One as large as pgbench's tables at a scale (1 is 15 MB): half of it these, which hold much that
    repeats, half of it orders, which do not. `where`: below which folder, if not /tmp.
    """
    room = Path(tempfile.mkdtemp(prefix="nexus-bench-", dir=where))
    room.chmod(0o711)
    server = PostgresServer(fsync=True)
    try:
        with open(server.data / "postgresql.conf", "a") as settings:
            settings.write(SETTINGS)
        module = room / "stack" / "modules" / "orders"
        module.mkdir(parents=True)
        (room / "stack" / "nexus.yaml").write_text(STACK)
        (module / "module.yaml").write_text(MODULE)
        server.start()
        found = Subject(server, room)
        if scale:
            found.pgbench("--initialize", "--quiet", f"--scale={max(1, scale // 2)}")
            for statement in (ORDERS % (ORDERS_OF_ONE * scale)).split(";\n")[:-1]:
                asyncio.run(found.ask(statement))
        yield found
    finally:
        server.remove()
        shutil.rmtree(room, ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(os.stat(Path(place, name)).st_size for place, _, names in os.walk(folder) for name in names)
