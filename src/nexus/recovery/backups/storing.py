"""A stream of bytes → sealed parts in the first place, read, sealed and stored at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nexus.recovery import layout
from nexus.recovery.backups.manifest import Stored
from nexus.recovery.backups.tarstream import TarStream
from nexus.recovery.errors import NoRoom, RecoveryError
from nexus.recovery.places import Place
from nexus.recovery.places.directory import Directory
from nexus.recovery.sealing import Sealers
from nexus.recovery.sealing.seal import FAST, LEVEL
from nexus.recovery.sealing.sealers import Slot

AT_ONCE = 4  # parts on their way: sealed, or waiting for the disk


class Readable(Protocol):
    """Where the stream comes from."""

    async def read(self, into: memoryview) -> int:
        """Fills a buffer; fewer bytes only at the end."""


@dataclass(frozen=True)
class Room:
    """A place must keep `reserve` bytes free; asked before each part."""

    place: Place
    reserve: int

    async def check(self, needed: int = 0) -> None:
        """Asks whether so many more bytes fit.

        Raises:
            NoRoom: they do not; says how much is missing.
        """
        free = await self.place.free()
        if free is not None and free - needed < self.reserve:
            missing = self.reserve + needed - free
            raise NoRoom(
                f"{self.place.name}: {free / 1e9:.1f} GB are free; the backup needs about "
                f"{needed / 1e9:.1f} GB, and {self.reserve / 1e9:.1f} GB stay free (recovery.reserve): "
                f"{missing / 1e9:.1f} GB are missing; make room, or keep fewer backups (recovery.keep, "
                "`nexus backup prune`)"
            )


async def store_stream(
    source: Readable,
    backup: str,
    tar: TarStream,
    sealers: Sealers,
    room: Room,
    work: Path,
    said: Callable[[int], None],
) -> tuple[Stored, ...]:
    """Stores the stream as the parts of a backup; feeds it to `tar` as it passes. `work`: a private folder.
    `said` is told how many bytes were read.

    Raises:
        NoRoom, PlaceError: a part cannot be stored.
        RecoveryFailed: the stream is no tar, or a process that seals ended.
    """
    parts: list[asyncio.Task[Stored]] = []
    turns = asyncio.Semaphore(AT_ONCE)
    try:
        async with asyncio.TaskGroup() as group:
            while True:
                await room.check()
                await turns.acquire()
                slot = await sealers.take()
                count = await source.read(slot.memory)
                await asyncio.to_thread(tar.feed, slot.memory[:count])
                said(count)
                if count:
                    number = len(parts) + 1
                    key, file = layout.part(backup, number), work / f"{number:05d}"
                    task = group.create_task(_store(sealers, slot, count, key, file, room.place))
                    task.add_done_callback(lambda _: turns.release())
                    parts.append(task)
                if count < len(slot.memory):
                    break
    except BaseExceptionGroup as failed:
        raise _first(failed) from failed
    return tuple(part.result() for part in parts)


async def _store(sealers: Sealers, slot: Slot, count: int, key: str, file: Path, place: Place) -> Stored:
    try:
        # Where the processors cannot keep up with the disk, they compress less.
        level = FAST if sealers.behind else LEVEL
        size, digest = await sealers.seal(slot, count, key, file, level)
    finally:
        sealers.give(slot)
    await (place.keep if isinstance(place, Directory) else place.put)(key, file)
    file.unlink(missing_ok=True)
    return Stored(key, size, digest, count)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong, told as itself; where several things did, one of those that have a name of ours."""
    found = group.exceptions
    named: list[BaseException] = [each for each in found if isinstance(each, RecoveryError)]
    return [*named, *found][0]
