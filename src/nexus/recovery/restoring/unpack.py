"""A backup's files: fetched ahead, unsealed in worker processes, written straight to where they belong."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from nexus.recovery import layout
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.errors import Damaged, Missing, NoRoom, RecoveryError, RecoveryFailed, WrongKey
from nexus.recovery.places import Place
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.tar import Cursor, Folder, Piece, scan
from nexus.recovery.sealing.sealers import Sealers, Slot
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import Account

AHEAD = 6  # parts that are fetched before a worker is free for them
MANIFEST = "backup_manifest"
T = TypeVar("T")


@dataclass(frozen=True)
class Unpacking:
    """`written` is told how many more bytes were written, `fault` which copy of what was of no use."""

    repository: Repository
    sealers: Sealers
    account: Account | None
    written: Callable[[int], None]
    fault: Callable[[Place, RecoveryError], None]

    async def unpack(self, backup: BackupManifest, data: Path) -> None:
        """Writes a backup's files into the folder `data`, and PostgreSQL's own manifest beside them.

        Raises:
            Damaged: something is intact in no place; says what, and what is wrong in each.
            Missing, PlaceError: it cannot be fetched.
            WrongKey: it was sealed for others.
            NoRoom: the disk is full.
        """
        accounts.private_folder(data, self.account)
        with tempfile.TemporaryDirectory(dir=data.parent, prefix=".fetched-") as scratch:
            end = await _Stream(self, backup, data, Path(scratch)).run()
        if end.rest or not end.number:
            raise Damaged(f"backup {backup.id}: its stream of files ends within {end.file or 'its head'}")
        manifest = await self.repository.read(layout.files(backup.id))
        head = Piece(MANIFEST, 0, 0, len(manifest))
        await asyncio.to_thread(write, data, [head], memoryview(manifest), self.account)


@dataclass
class _Stream:
    """One backup on its way. Parts are unsealed side by side, and read and written in their order."""

    unpacking: Unpacking
    backup: BackupManifest
    data: Path
    scratch: Path
    fetches: dict[int, asyncio.Task[Path]] = field(default_factory=dict)

    async def run(self) -> Cursor:
        """Where the stream ended."""
        cursors: list[asyncio.Future[Cursor]] = [asyncio.Future() for _ in range(len(self.backup.parts) + 1)]
        cursors[0].set_result(Cursor())
        parts = [
            asyncio.create_task(self._part(number, *cursors[number : number + 2]))
            for number in range(len(self.backup.parts))
        ]
        try:
            await asyncio.gather(*parts)
        finally:
            await _cancelled([*parts, *self.fetches.values()])
        return cursors[-1].result()

    async def _part(self, number: int, before: asyncio.Future[Cursor], after: asyncio.Future[Cursor]) -> None:
        stored = self.backup.parts[number]
        async with self.unpacking.sealers.slot() as slot:
            self._fetch_until(number + AHEAD)
            size = await self._unsealed(number, stored, slot)
            cursor = await before
            pieces, end = await _finished(asyncio.to_thread(self._scan, slot, size, cursor))
            after.set_result(end)
            await _finished(asyncio.to_thread(write, self.data, pieces, slot.memory, self.unpacking.account))
        self.unpacking.written(size)

    def _scan(self, slot: Slot, size: int, cursor: Cursor) -> tuple[list[Piece], Cursor]:
        """What is in a part. Its folders are made at once: later parts may be written before this one."""
        with slot.memory[:size] as part:
            found, end = scan(part, cursor)
        account = self.unpacking.account
        for each in found:
            if isinstance(each, Folder):
                (self.data / each.name).mkdir(mode=0o700, parents=True, exist_ok=True)
                accounts.give(self.data / each.name, account)
        return [each for each in found if isinstance(each, Piece)], end

    def _fetch_until(self, end: int) -> None:
        """Begins to fetch parts from the first place before they are asked for."""
        first = self.unpacking.repository.places[0]
        for number in range(len(self.fetches), min(end, len(self.backup.parts))):
            fetch = self._fetched(first, self.backup.parts[number])
            self.fetches[number] = asyncio.create_task(fetch)

    async def _fetched(self, place: Place, stored: Stored) -> Path:
        """A file of what is stored; a folder's own is read as it lies there."""
        if isinstance(place, Directory) and (there := place.file(stored.key)).is_file():
            return there
        file = self.scratch / f"{stored.key.rpartition('/')[2]}@{place.name}"
        await place.get(stored.key, file)
        return file

    async def _unsealed(self, number: int, stored: Stored, slot: Slot) -> int:
        faults: list[tuple[Place, RecoveryError]] = []
        for index, place in enumerate(self.unpacking.repository.places):
            try:
                fetch = self.fetches[number] if index == 0 else self._fetched(place, stored)
                file = await fetch
                try:
                    return await self._unseal(stored, slot, file)
                finally:
                    if file.parent == self.scratch:
                        file.unlink(missing_ok=True)
            except RecoveryError as fault:
                if isinstance(fault, NoRoom):
                    raise
                faults.append((place, fault))
                self.unpacking.fault(place, fault)
        raise worst(stored.key, faults)

    async def _unseal(self, stored: Stored, slot: Slot, file: Path) -> int:
        size = await self.unpacking.sealers.unseal(slot, stored.key, file, stored.sha256)
        if size != stored.plain:
            raise Damaged(f"{stored.key}: it holds {size} bytes, and not the {stored.plain} of the backup")
        return size


def worst(key: str, faults: Sequence[tuple[Place, RecoveryError]]) -> RecoveryError:
    """What to say where no place was of use: each one's reason, under the kind that matters most."""
    told = "; ".join(f"{place.name}: {fault}" for place, fault in faults)
    kinds: tuple[type[RecoveryError], ...] = (WrongKey, Damaged, Missing)
    for kind in kinds:
        if any(isinstance(fault, kind) for _, fault in faults):
            return kind(f"{key} cannot be used from any place: {told}")
    return (
        faults[0][1] if len(faults) == 1 else RecoveryFailed(f"{key} cannot be used from any place: {told}")
    )


def write(data: Path, pieces: Sequence[Piece], part: memoryview, account: Account | None) -> None:
    """Writes what a part holds. What is there already is written over, links are not followed.

    Raises:
        NoRoom: the disk is full.
        RecoveryFailed: it cannot be written.
    """
    try:
        for piece in pieces:
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(data / piece.name, flags, 0o600)
            try:
                if piece.offset == 0 and account is not None and accounts.can_drop():
                    os.fchown(handle, account.uid, account.gid)
                at = piece.offset
                with part[piece.start : piece.end] as left:
                    while at < piece.offset + len(left):
                        at += os.pwrite(handle, left[at - piece.offset :], at)
            finally:
                os.close(handle)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom(
                f"{data}: the disk is full; make room, or restore into a folder elsewhere"
            ) from error
        raise RecoveryFailed(f"{error.filename or data} cannot be written: {error.strerror}") from error


async def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Waits for a thread's work also when we are cancelled: it uses a buffer that is given back after us."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
