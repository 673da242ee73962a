"""What makes the company whole besides its database: the stack's files, secrets, control's state, the cache,
and what releases run from.

    home/stack       the stack's own folder: nexus.yaml, modules, what they share; of a very large one all
                     but its largest files
    home/secrets     HOME/secrets, but for the identity that opens backups
    home/state       control.db, rendered configuration, what services keep besides the database
    home/cache       the cache, as an RDB file
    artefacts/…      HOME/releases and HOME/parts

Telemetry, logs and data folders are not part of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.recovery import layout
from nexus.recovery.backups import archive
from nexus.recovery.backups.artefacts import artefact_of, store_artefacts
from nexus.recovery.backups.cache import snapshot
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.backups.source import Source
from nexus.recovery.errors import RecoveryError, RecoveryFailed
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import keyring
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts
from nexus.stack import Stack

STACK, SECRETS, STATE, CACHE = "stack", "secrets", "state", "cache"
LARGEST_STACK = 512 << 20  # bytes; what a folder has beyond it is no stack's
NAMED = 3  # files that are named where some are left out
ESSENTIAL = {".yaml", ".yml", ".sql"}  # what says what the stack is, counts, migrates and proves
CONTROL, RDB = "control.db", "dump.rdb"


@dataclass(frozen=True)
class Unpacked:
    """Where things went. `root`: the stack's folder, None where it was not asked for or is in no backup;
    `cache`: the cache's RDB file, None without one.
    """

    home: Path
    root: Path | None
    cache: Path | None


@contextlib.asynccontextmanager
async def cached(source: Source, say: Say) -> AsyncIterator[asyncio.Task[bytes | None]]:
    """The cache's snapshot, taken while the block runs; None without a cache, or when it gives none."""
    task = asyncio.create_task(_snapshot(source, say), name="snapshot of the cache")
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def pack(
    source: Source, repository: Repository, backup: str, cache: bytes | None, say: Say = unsaid
) -> tuple[Stored, ...]:
    """Stores all of it as part of a backup; returns the pieces.

    Raises:
        PlaceError: it cannot be stored.
        RecoveryFailed: something cannot be read.
    """
    work = accounts.private_folder(source.work / "home", None)
    stored: list[Stored] = []
    try:
        for name, content in _contents(source, work, cache, say):
            file = work / f"{name}.tar"
            await asyncio.to_thread(archive.write, file, content)
            stored += await archive.store(repository, file, _named(backup, name))
            file.unlink()
        if source.artefacts:
            known = await _known(repository)
            stored += await store_artefacts(source.home, repository, known, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return tuple(stored)


async def unpack(
    manifest: BackupManifest, repository: Repository, home: Home, root: Path | None, say: Say = unsaid
) -> Unpacked:
    """Puts all of it into a new home, and the stack's files into `root` (None: they are left out).

    The home must hold nothing of a stack yet. Whose each file is, the next `nexus up` sees to. It gets a key
    of its own, and keeps what opened the backup: the older backups are sealed for that one.

    Raises:
        RecoveryFailed: the home or the root is in use.
        Missing, Damaged, WrongKey, PlaceError: a piece cannot be read.
    """
    for folder, what in ((home.secrets, "secrets"), (home.releases, "releases"), (root, "files")):
        if folder is not None and folder.is_dir() and any(_used(folder)):
            raise RecoveryFailed(f"{folder} holds {what} already; restore into an empty folder")
    work = home.root / "recovery" / "unpack"
    groups: dict[str, list[Stored]] = {}
    for piece in manifest.home:
        groups.setdefault(_group(piece.key), []).append(piece)
    targets = {STACK: root, SECRETS: home.secrets, STATE: home.root, CACHE: home.root / "recovery" / "cache"}
    for name, pieces in groups.items():
        to = home.root / name if artefact_of(pieces[0].key) else targets.get(name)
        if to is not None:
            say(Sentence("{name} is put back", name=name))
            await archive.unpack(repository, pieces, to, work)
    if work.is_dir():
        work.rmdir()
    keyring.keep_former(home, repository.keys.identities)
    rdb = home.root / "recovery" / "cache" / RDB
    return Unpacked(home.root, root if STACK in groups else None, rdb if rdb.exists() else None)


def _contents(
    source: Source, work: Path, cache: bytes | None, say: Say
) -> list[tuple[str, list[archive.Member]]]:
    home = source.home
    contents = [
        (STACK, _stack_files(source.stack, home, say)),
        (SECRETS, list(archive.members(home.secrets, "", _identity(home)))),
        (STATE, _state(home, work)),
    ]
    if cache is not None:
        rdb = work / RDB
        rdb.write_bytes(cache)
        rdb.chmod(0o600)
        contents.append((CACHE, [(rdb, RDB)]))
    return [(name, found) for name, found in contents if found]


def _stack_files(stack: Stack, home: Home, say: Say) -> list[archive.Member]:
    def skip(path: Path) -> bool:
        return (path != stack.root and path.name.startswith(".")) or path == home.root

    found = list(archive.members(stack.root, "", skip))
    left = _beyond([(path, _size(path)) for path, _ in found], LARGEST_STACK)
    if left:
        say(
            Sentence(
                "{folder} is larger than {limit} MB: {n} of its largest files are no part of the backup, "
                "such as {names}; keep them elsewhere",
                folder=stack.root,
                limit=LARGEST_STACK >> 20,
                n=len(left),
                names=", ".join(each.relative_to(stack.root).as_posix() for each in left[:NAMED]),
            )
        )
    out = set(left)
    return [member for member in found if member[0] not in out]


def _beyond(sizes: Sequence[tuple[Path, int]], limit: int) -> list[Path]:
    """The largest files, without which the others are not larger than so many bytes; none of those that say
    what the stack is. Pure.
    """
    left, rest = [], sum(size for _, size in sizes)
    for path, size in sorted(sizes, key=lambda each: -each[1]):
        if rest <= limit:
            break
        if size and path.suffix not in ESSENTIAL:
            left.append(path)
            rest -= size
    return left


def _size(path: Path) -> int:
    """Of a file itself; a link has none, nor has what vanished just now."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _state(home: Home, work: Path) -> list[archive.Member]:
    found: list[archive.Member] = []
    if home.database.exists():
        found.append((_copied(home.database, work / CONTROL), CONTROL))
    for name in ("config", "state"):
        if (home.root / name).is_dir():
            found += archive.members(home.root / name, name)
    return found


def _copied(database: Path, to: Path) -> Path:
    """A copy of one moment of an SQLite file that others write to (sqlite.org/backup.html)."""
    to.unlink(missing_ok=True)
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as living,
            contextlib.closing(sqlite3.connect(to)) as copy,
        ):
            living.backup(copy)
    except sqlite3.Error as error:
        raise RecoveryFailed(f"{database} cannot be copied: {error}") from error
    to.chmod(0o600)
    return to


def _identity(home: Home) -> archive.Skip:
    """The identity is in no backup, nor drafts of it, nor former ones."""
    folder = keyring.folder(home)
    return lambda path: path.parent == folder and keyring.IDENTITY in path.name


def _used(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.name != keyring.FOLDER]


async def _snapshot(source: Source, say: Say) -> bytes | None:
    if source.cache is None:
        return None
    try:
        return await snapshot(source.cache)
    except RecoveryFailed as error:
        say(Sentence("the backup is without the cache, which is built anew: {why}", why=str(error)))
        return None


async def _known(repository: Repository) -> dict[str, Stored]:
    """What the newest backup says of its artefacts."""
    for name in reversed(await repository.ids()):
        with contextlib.suppress(RecoveryError):
            found = await repository.backup(name)
            return {piece.key: piece for piece in found.home if artefact_of(piece.key)}
    return {}


def _group(key: str) -> str:
    """What a piece belongs to: `secrets`, or an artefact's name."""
    return artefact_of(key) or key.split("/")[3]


def _named(backup: str, name: str) -> archive.Naming:
    return lambda number, count: layout.home(backup, f"{name}/{number:04d}-of-{count:04d}")
