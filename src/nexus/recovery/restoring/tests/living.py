"""A living database whose backups and WAL are in a repository: what a restore is tried on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from nexus_kit.testing.servers import PostgresServer

from nexus.recovery import layout, lsn
from nexus.recovery.backups.create import create_backup
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.source import Source
from nexus.recovery.errors import Conflict
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import Keys, new_identity, recipient_of
from nexus.runtimes.home import Home
from nexus.stack import load_stack

MANIFEST = """\
name: shop
title: {en: Shop, pt-BR: Loja}
infrastructure:
  postgres: {kind: database, title: {en: PostgreSQL, pt-BR: PostgreSQL}, runtime: postgres, port: 5433}
"""
SIZE = layout.SEGMENT_BYTES


@dataclass
class Living:
    """`room` is a folder that PostgreSQL's user can walk through. `spoken`: what was said."""

    server: PostgresServer
    room: Path
    repository: Repository
    spoken: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.admin_dsn

    async def ask(self, statement: str) -> object:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    async def sell(self, count: int) -> int:
        """Writes so many rows, each in a transaction of its own; returns how many there are."""
        connection = await asyncpg.connect(self.url)
        try:
            for _ in range(count):
                await connection.execute("INSERT INTO sale DEFAULT VALUES")
            return int(await connection.fetchval("SELECT count(*) FROM sale"))
        finally:
            await connection.close()

    async def now(self) -> float:
        """A moment of the server's clock: what was committed before it is before it."""
        return float(await self.ask("SELECT extract(epoch FROM clock_timestamp())"))  # type: ignore[arg-type]

    async def back_up(self, kind: str) -> BackupManifest:
        stack = load_stack(self.room / "stack")
        source = Source(stack, Home.at(self.room / "home"), self.url, artefacts=False)
        return await create_backup(source, self.repository, kind)  # type: ignore[arg-type]

    async def archive(self) -> int:
        """Stores the WAL as far as it was written; returns its end."""
        place = str(await self.ask("SELECT pg_current_wal_flush_lsn()::text"))
        timeline = int(await self.ask("SELECT timeline_id FROM pg_control_checkpoint()"))  # type: ignore[call-overload]
        await store_wal(self.repository, self.server.data / "pg_wal", timeline, lsn.parse(place))
        return lsn.parse(place)

    def copy(self, name: str) -> Repository:
        """The same files in a folder of their own, which a test may damage."""
        folder = self.room / name
        shutil.copytree(self.room / "backups", folder)
        return Repository((Directory(name, folder),), self.repository.keys, self.room / "scratch")


async def store_wal(repository: Repository, folder: Path, timeline: int, end: int) -> None:
    """Whole segments as such, the last one as a chunk of what is new in it."""
    held = {entry.key for entry in await repository.entries(layout.WAL)}
    for file in sorted(folder.glob(f"{timeline:08X}*")):
        start = lsn.start(file.name, SIZE) if len(file.name) == 24 else end
        if start >= end or layout.segment(file.name) in held:
            continue
        if start + SIZE <= end:
            await repository.put(layout.segment(file.name), file.read_bytes())
            continue
        known = [found.end for key in held if (found := layout.chunk_of(key)) and found.segment == file.name]
        begin = max(known, default=0)
        if begin < end - start:
            chunk = layout.chunk(file.name, begin, end - start)
            await repository.put(chunk, file.read_bytes()[begin : end - start])
    for file in folder.glob("*.history"):
        try:
            await repository.put(layout.history(int(file.stem, 16)), file.read_bytes())
        except Conflict:  # sealed anew, the same bytes are others
            continue


@contextmanager
def walkable_room() -> Iterator[Path]:
    room = Path(tempfile.mkdtemp(prefix="nexus-restoring-"))
    room.chmod(0o711)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def living() -> Iterator[Living]:
    """One that summarises its WAL, so that incremental backups can be taken of it."""
    with walkable_room() as room, PostgresServer.serving() as server:
        (room / "stack").mkdir()
        (room / "stack" / "nexus.yaml").write_text(MANIFEST)
        identity = new_identity()
        keys = Keys((recipient_of(identity),), identity)
        place = Directory("local", room / "backups", proves=False)
        yield Living(server, room, Repository((place,), keys, room / "scratch"))


def gone(room: Path, *kept: str) -> bool:
    """Whether nothing is left in a folder but what is named."""
    return set(os.listdir(room)) <= set(kept)
