"""What was received is sealed into the local place, and deleted here once it is there.

What is sealed is read from the place's own list of files, so that a killed process is followed by one that
knows all it did: nothing is lost, and nothing is stored twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from nexus.recovery import layout, lsn
from nexus.recovery.backups.manifest import Stored
from nexus.recovery.layout import Chunk
from nexus.recovery.repository import Repository
from nexus.recovery.streaming.chunks import superseded, to_merge
from nexus.recovery.streaming.fetch import read_wal
from nexus.recovery.streaming.holdings import Holdings
from nexus.recovery.streaming.received import Received, piece, read_folder, written

log = logging.getLogger("nexus.recovery")

KEPT = 2  # whole segments that stay here though they are sealed
LIST_EVERY = 60.0  # seconds


class Sealer:
    """`held`: what the local place has. `hold`: a segment that waits until what comes anew was compared.
    `stored` is told of each file that was stored, and which chunks it makes superfluous.
    """

    def __init__(self, repository: Repository, stored: Callable[[Stored, Sequence[Chunk]], None]) -> None:
        self.repository = repository
        self._stored = stored
        self._listed: float | None = None
        self._busy = asyncio.Lock()
        self.held = Holdings()
        self.hold: str | None = None

    async def list(self) -> None:
        """Reads what the local place has, at the start and from time to time: others delete there too.

        Raises:
            PlaceError: it cannot be read.
        """
        async with self._busy:
            await self._list()

    async def _list(self) -> None:
        if self._listed is not None and time.monotonic() - self._listed < LIST_EVERY:
            return
        entries = await self.repository.first.entries(layout.WAL)
        self.held = Holdings.of(entry.key for entry in entries)
        self._listed = time.monotonic()
        for chunks in list(self.held.chunks.values()):
            await self._delete(superseded(chunks))

    def forget(self) -> None:
        """The local place is another one from now on."""
        self._listed, self.held, self.hold = None, Holdings(), None

    async def seal(self, folders: Sequence[Path], place: int | None = None) -> None:
        """Seals what is new in these folders; the last one is written to. `place`: up to where its newest
        segment is known to be written, which the file itself does not tell when zeros are at its end.

        Raises:
            PlaceError, WrongKey: it cannot be stored.
        """
        async with self._busy:
            await self._list()
            for folder in folders:
                living = folder == folders[-1]
                with contextlib.suppress(FileNotFoundError):  # it was renamed just now: the next time will do
                    await self._folder(folder, living, place)

    async def _folder(self, path: Path, living: bool, place: int | None) -> None:
        found = read_folder(path)
        for timeline, file in found.histories:
            await self._history(timeline, file)
        whole = [each for each in found.segments if not each.partial]
        for each in found.segments:
            newest = living and each is found.newest
            if living and each.name == self.hold:
                continue
            if not each.partial:
                await self._whole(each)
            elif each.size:
                await self._growing(each, place if newest else None)
            if not newest and not (living and each in whole[-KEPT:]):
                each.path.unlink(missing_ok=True)
        if not living:
            for _, file in found.histories:
                file.unlink()
            if not any(path.iterdir()):
                path.rmdir()

    async def _whole(self, each: Received) -> None:
        if each.name not in self.held.whole:
            data = await asyncio.to_thread(each.path.read_bytes)
            await self._put(layout.segment(each.name), data)
        await self._delete(self.held.chunks.get(each.name, ()))

    async def _growing(self, each: Received, place: int | None) -> None:
        begun = self.held.end(each.name, each.size)
        end = await asyncio.to_thread(written, each.path, begun)
        first = lsn.start(each.name, each.size)
        if place is not None and first < place <= first + each.size:
            end = max(end, place - first)
        if end <= begun:
            return
        await self._chunk(each, begun, end)
        merged = to_merge(self.held.chunks[each.name])
        if merged:
            await self._chunk(each, merged[0].start, merged[-1].end, merged)
            await self._delete(merged)

    async def _chunk(self, each: Received, start: int, end: int, merged: Sequence[Chunk] = ()) -> None:
        data = await asyncio.to_thread(piece, each.path, start, end)
        await self._put(layout.chunk(each.name, start, end), data, merged)

    async def _history(self, timeline: int, path: Path) -> None:
        if timeline not in self.held.histories:
            await self._put(layout.history(timeline), await asyncio.to_thread(path.read_bytes))

    async def _put(self, key: str, data: bytes, instead_of: Sequence[Chunk] = ()) -> None:
        try:
            stored = await self.repository.put(key, data)
        except BaseException:
            self._listed = None  # what is there is read anew before the next try
            raise
        self.held.add(key)
        self._stored(stored, instead_of)

    async def _delete(self, chunks: Sequence[Chunk]) -> None:
        if chunks:
            await self.repository.first.delete([layout.chunk(*each) for each in chunks])
            for each in tuple(chunks):
                self.held.drop(each)

    async def same(self, name: str, folder: Path, end: int) -> bool:
        """Whether the first bytes of a received segment are what is sealed of it.

        Raises:
            PlaceError, Damaged, WrongKey: what is sealed cannot be read.
        """
        for each in read_folder(folder).segments:
            if each.name == name and each.size:
                sealed = await read_wal(self.repository, name, each.size)
                return await asyncio.to_thread(piece, each.path, 0, end) == sealed[:end]
        return True
