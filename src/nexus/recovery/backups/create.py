"""Taking a backup: PostgreSQL's files, the WAL they need, the numbers of the business, the rest of the stack.

Its manifest is stored last and makes it a backup. Killed at any moment, it leaves parts without one, which
the next backup clears away; its helpers (psql, the processes that seal) end with the pipes to us, its slots
with their connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import asyncpg

import nexus
from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.recovery import layout
from nexus.recovery.backups import home as homes
from nexus.recovery.backups import wal
from nexus.recovery.backups.basebackup import Wish, copying, kilobytes
from nexus.recovery.backups.chain import Link, keep_manifest, link, parents_manifest
from nexus.recovery.backups.leftovers import clear_leftovers, note_begun
from nexus.recovery.backups.manifest import BackupManifest, Stored, Totals
from nexus.recovery.backups.server import Server, applied, read_server
from nexus.recovery.backups.source import Source
from nexus.recovery.backups.storing import Room, store_stream
from nexus.recovery.backups.tarstream import TarStream
from nexus.recovery.backups.telling import Progress
from nexus.recovery.backups.totals import count_totals
from nexus.recovery.backups.totals_files import TotalsError
from nexus.recovery.backups.turn import BACKUP, turn
from nexus.recovery.errors import RecoveryError, RecoveryFailed
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import sealers
from nexus.recovery.sealing.sealers import NICE
from nexus.recovery.streaming.belonging import claim
from nexus.runtimes.process import accounts

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

NOT_SUMMARISED = "WAL summar"  # what PostgreSQL says when it lacks the notes of what changed
USUAL_RATIO = 0.5  # sealed to plain, where no backup has shown it yet

Wanted = Literal["full", "incremental", "auto"]


@dataclass(frozen=True)
class _Copied:
    """What came of the cluster's files."""

    parts: tuple[Stored, ...]
    files: bytes
    plain: int

    def ranges(self) -> dict[str, Any]:
        """The WAL that the copy needs, as PostgreSQL's manifest says it (manual, 70.2)."""
        found: dict[str, Any] = json.loads(self.files)["WAL-Ranges"][0]
        return found


async def create_backup(
    source: Source,
    repository: Repository,
    kind: Wanted = "auto",
    say: Say = unsaid,
    keys_read: float | None = None,
) -> BackupManifest:
    """Takes a backup into the first place. `kind`: "auto" takes an incremental one where that can be; else
    a full one, and says why. `keys_read`: since when the repository's keys are known (seconds since the
    epoch): the backup counts as begun then, for a recovery kit that was made later does not open it.

    Raises:
        RecoveryFailed: another backup runs, or the server cannot be copied, or not incrementally.
        WrongVersion: the server is of another major version than our programs.
        NoRoom: the place would have less than `recovery.reserve` left.
        PlaceError, WrongKey: what is stored cannot be written or read, or is another cluster's.
    """
    with turn(source.folder / BACKUP, "a backup"):
        for name in await clear_leftovers(repository, source.work, source.begun):
            say(Sentence("what the interrupted backup {name} had left was deleted", name=name))
        async with _connected(source) as connection:
            server = await read_server(connection)
            await claim(repository, server.system)
            found = await link(connection, server, repository) if kind != "full" else Link(None)
            if kind == "incremental" and found.parent is None:
                raise RecoveryFailed(f"no incremental backup can be taken: {found.why}; take a full one")
            if kind == "auto" and found.parent is None:
                say(Sentence("a full backup is taken: {why}", why=found.why))
            try:
                return await _create(source, repository, connection, server, found.parent, say, keys_read)
            except RecoveryFailed as error:
                if kind != "auto" or found.parent is None or NOT_SUMMARISED not in str(error):
                    raise
                say(Sentence("a full backup is taken: {why}", why=str(error)))
                await clear_leftovers(repository, source.work, source.begun)
                return await _create(source, repository, connection, server, None, say, keys_read)
            finally:
                shutil.rmtree(source.work, ignore_errors=True)


async def _create(
    source: Source,
    repository: Repository,
    connection: Connection,
    server: Server,
    parent: BackupManifest | None,
    say: Say,
    keys_read: float | None,
) -> BackupManifest:
    began = time.time() if keys_read is None else min(keys_read, time.time())
    name = await _new_id(repository, "incremental" if parent else "full", began)
    room = Room(repository.first, source.stack.recovery.reserve)
    await room.check(await _expected(repository, server, parent))
    await asyncio.to_thread(note_begun, source.begun, name)
    held = await wal.hold(connection)
    migrations = await applied(connection, source.stack)
    async with homes.cached(source, say) as cache:
        copied = await _copy(source, repository, server, room, name, parent, say)
        ranges = copied.ranges()
        if ranges["Timeline"] != server.timeline:
            raise RecoveryFailed("the server went on to another timeline meanwhile; take the backup again")
        totals = await _totals(source, say)
        last = await wal.mark(connection, f"backup {name}")
        start, size = ranges["Start-LSN"], server.segment
        await wal.store_wal(connection, held, repository, server.timeline, size, start, last)
        kept = await homes.pack(source, repository, name, await cache, say)
    files = await repository.put(layout.files(name), copied.files)
    manifest = BackupManifest(
        id=name,
        kind="incremental" if parent else "full",
        parent=parent.id if parent else None,
        stack=source.stack.name,
        system=server.system,
        version=server.version,
        timeline=server.timeline,
        segment=server.segment,
        start_lsn=start,
        end_lsn=ranges["End-LSN"],
        began=began,
        ended=time.time(),
        plain=copied.plain,
        parts=copied.parts,
        files=files,
        home=kept,
        totals=totals,
        releases=dict(source.releases),
        migrations=migrations,
        nexus=nexus.__version__,
        scheduled=source.scheduled,
    )
    await repository.put(layout.manifest(name), manifest.json())
    (source.begun / name).unlink(missing_ok=True)
    await asyncio.to_thread(keep_manifest, source.manifests, name, copied.files)
    return manifest


async def _copy(
    source: Source,
    repository: Repository,
    server: Server,
    room: Room,
    name: str,
    parent: BackupManifest | None,
    say: Say,
) -> _Copied:
    sealed = accounts.private_folder(source.work / "sealed", None)
    before = None if parent is None else await parents_manifest(parent, repository, source.manifests)
    wish = Wish(name, server.checkpoint, before, kilobytes(source.stack.recovery.rate))
    tar, progress = TarStream(()), Progress(None if parent else server.bytes, say)
    nice = NICE if server.bytes > source.large * (10 if parent else 1) else 0
    async with (
        sealers(repository.keys, nice=nice) as workers,
        copying(source.url, wish, nice) as copy,
    ):
        parts = await store_stream(copy, name, tar, workers, room, sealed, progress.more)
    if not tar.ended or not copy.manifest:
        raise RecoveryFailed("the database ended the copy well, but it is not whole")
    return _Copied(parts, copy.manifest, progress.done)


async def _totals(source: Source, say: Say) -> Totals | None:
    """The numbers of the business; a backup without them is better than none."""
    try:
        found = await count_totals(source.url, source.stack)
    except (TotalsError, RecoveryFailed) as error:
        say(Sentence("the business totals are not in the backup: {why}", why=str(error)))
        return None
    if found.why:
        say(Sentence("the business totals are not complete or not exact: {why}", why=found.why))
    return found


async def _new_id(repository: Repository, kind: layout.Kind, at: float) -> str:
    """The name of a new backup: it sorts behind all others, also when the clock was put back."""
    last = max((name[:16] for name in await repository.ids()), default="")
    name = layout.new_id(kind, at)
    return name if name[:16] > last else layout.new_id(kind, layout.began(last) + 1)


async def _expected(repository: Repository, server: Server, parent: BackupManifest | None) -> int:
    """How many bytes the backup will need, as far as that can be known."""
    if parent is not None:
        return parent.size if parent.kind == "incremental" else parent.size // 10
    for name in reversed(await repository.ids()):
        if name.endswith("-full"):
            with contextlib.suppress(RecoveryError):
                last = await repository.backup(name)
                return int(server.bytes * last.size / max(1, last.plain))
    return int(server.bytes * USUAL_RATIO)


@contextlib.asynccontextmanager
async def _connected(source: Source) -> AsyncIterator[Connection]:
    try:
        connection = await asyncpg.connect(source.url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise RecoveryFailed(f"the database cannot be asked ({error}); is it up?") from error
    try:
        yield connection
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise RecoveryFailed(f"the database failed while it was copied: {error}") from error
    finally:
        await connection.close(timeout=5)
