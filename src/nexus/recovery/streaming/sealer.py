"""What was received is sealed into the local place, and deleted here once it is there.

What is sealed is read from the place's own list of files, so that a killed process is followed by one that
knows all it did: nothing is lost, and nothing is stored twice. Of a file whose first bytes were sealed by
another one, no more is sealed before they were compared: what comes anew may be of a server that contradicts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from nexus.recovery import layout, lsn
from nexus.recovery.backups.manifest import Stored
from nexus.recovery.errors import Damaged, Missing, RecoveryError
from nexus.recovery.layout import Chunk
from nexus.recovery.repository import Repository
from nexus.recovery.streaming.chunks import superseded, to_merge
from nexus.recovery.streaming.holdings import Holdings
from nexus.recovery.streaming.position import HOW, Contradicts
from nexus.recovery.streaming.received import PAGE, Received, piece, read_folder, still_has, written

log = logging.getLogger("nexus.recovery")

KEPT = 2  # whole segments that stay here though they are sealed
LIST_EVERY = 60.0  # seconds


class Written(NamedTuple):
    """Up to where the server says that what it sent is written, and on which timeline it is."""

    timeline: int
    lsn: int


class Sealer:
    """`held`: what the local place has. `doubtful`: whether something that comes anew was not compared yet
    with what is sealed. `stored` is told of each file that was stored.
    """

    def __init__(self, repository: Repository, stored: Callable[[Stored], None]) -> None:
        self.repository = repository
        self._stored = stored
        self._listed: float | None = None
        self._busy = asyncio.Lock()
        self._proven: set[tuple[Path, str]] = set()  # folders and segments: what is sealed is what is there
        self.held = Holdings()
        self.doubtful = False

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
        self._listed, self.held = None, Holdings()
        self._proven.clear()

    async def seal(self, folders: Sequence[Path], place: Written | None = None, growing: bool = True) -> None:
        """Seals what is new in these folders. `growing`: whether the last one is written to, or will be.
        `place`: up to where its newest segment is written, which zeros at its end do not tell.

        Raises:
            Contradicts: what was received is not what is sealed of it; nothing of that folder is sealed.
            PlaceError, WrongKey, Damaged: it cannot be stored, or compared.
        """
        async with self._busy:
            await self._list()
            doubtful = False
            for folder in folders:
                living = growing and folder == folders[-1]
                try:
                    doubtful = not await self._folder(folder, living, place) or doubtful
                except FileNotFoundError:  # it was renamed just now: the next time will do
                    doubtful = True
            self.doubtful = doubtful

    async def _folder(self, path: Path, living: bool, place: Written | None) -> bool:
        """Whether all of it is what is sealed."""
        found = read_folder(path)
        for timeline, file in found.histories:
            await self._history(timeline, file)
        whole = [each for each in found.segments if not each.partial]
        for each in found.segments:
            newest = living and each is found.newest
            end = self._told(each, place) if newest else 0
            if each.size and not await self._proves(path, each, end, newest):
                return False
            if not each.partial:
                await self._whole(each)
            elif each.size:
                await self._growing(each, end)
            if not newest and not (living and each in whole[-KEPT:]):
                each.path.unlink(missing_ok=True)
                self._proven.discard((path, each.name))
        if not living:
            for _, file in found.histories:
                file.unlink()
            if not any(path.iterdir()):
                path.rmdir()
        return True

    @staticmethod
    def _told(each: Received, place: Written | None) -> int:
        """Up to which byte of a segment the server says that it is written; 0 where it speaks of another."""
        first = lsn.start(each.name, each.size) if each.size else 0
        if place is None or place.timeline != lsn.timeline(each.name):
            return 0
        return place.lsn - first if first < place.lsn <= first + each.size else 0

    async def _proves(self, folder: Path, each: Received, told: int, grows: bool) -> bool:
        """Whether a file is what is sealed of its segment; False while it is not there yet. Raises as `seal`.

        A segment that is sealed as a whole is sealed no more; of another one, all that is sealed is compared,
        once.
        """
        begun = 0 if each.name in self.held.whole else self.held.end(each.name, each.size)
        if not begun:
            self._proven.add((folder, each.name))
        if (folder, each.name) in self._proven:
            return True
        there = max(told, await asyncio.to_thread(written, each.path)) if each.partial else each.size
        if grows and each.partial and there < begun - PAGE:
            return False
        sealed = await self._sealed(each.name, there)
        if grows and there < max(chunk.start + len(data.rstrip(b"\0")) for chunk, data in sealed.items()):
            return False
        for chunk, data in sealed.items():
            length = len(data) if grows else max(0, min(chunk.end, there) - chunk.start)
            if await asyncio.to_thread(piece, each.path, chunk.start, chunk.start + length) != data[:length]:
                raise Contradicts(
                    f"the server's WAL after {lsn.text(lsn.start(each.name, each.size))} is not what the "
                    f"archive has: {HOW}",
                    folder,
                )
        if there >= begun:
            self._proven.add((folder, each.name))
        return True

    async def _sealed(self, name: str, there: int) -> dict[Chunk, bytes]:
        """What is sealed of a segment. What cannot be read is dropped where the received file has it: then it
        is sealed anew.
        """
        found: dict[Chunk, bytes] = {}
        for chunk in tuple(self.held.chunks[name]):
            try:
                found[chunk] = await self.repository.read(layout.chunk(*chunk))
            except (Damaged, Missing) as error:
                if there < chunk.end:
                    raise
                log.error("%s; it is sealed anew from what was received", error)
                await self._delete([chunk])
        return found or {Chunk(name, 0, 0): b""}

    async def _whole(self, each: Received) -> None:
        if each.name not in self.held.whole:
            data = await asyncio.to_thread(each.path.read_bytes)
            await self._put(layout.segment(each.name), data)
        await self._delete(self.held.chunks.get(each.name, ()))

    async def _growing(self, each: Received, told: int) -> None:
        begun = self.held.end(each.name, each.size)
        end = await asyncio.to_thread(written, each.path, begun)
        if end < told <= -(-end // PAGE) * PAGE:  # a page after that would begin with its header: it is none
            end = told
        if end <= begun:
            return
        await self._chunk(each, begun, end)
        await self._delete(superseded(self.held.chunks[each.name]))
        merged = to_merge(self.held.chunks[each.name])
        if merged:
            await self._chunk(each, merged[0].start, merged[-1].end)
            await self._delete(merged)

    async def _chunk(self, each: Received, start: int, end: int) -> None:
        data = await asyncio.to_thread(piece, each.path, start, end)
        await self._put(layout.chunk(each.name, start, end), data)

    async def _history(self, timeline: int, path: Path) -> None:
        if timeline not in self.held.histories:
            await self._put(layout.history(timeline), await asyncio.to_thread(path.read_bytes))

    async def _put(self, key: str, data: bytes) -> None:
        try:
            stored = await self.repository.put(key, data)
        except BaseException:
            self._listed = None  # what is there is read anew before the next try
            raise
        self.held.add(key)
        self._stored(stored)

    async def _delete(self, chunks: Sequence[Chunk]) -> None:
        """Deletes what another file has too; what cannot be deleted is tried again after the next listing."""
        if not chunks:
            return
        try:
            await self.repository.first.delete([layout.chunk(*each) for each in chunks])
        except RecoveryError as error:
            log.warning("superfluous WAL stays for now: %s", error)
        for each in tuple(chunks):
            self.held.drop(each)

    async def heal(self, key: str, folders: Sequence[Path]) -> bool:
        """Has what the local place no longer has intact put there again: another place's copy, or, at the
        next sealing, what was received; whether there is either.

        Raises:
            PlaceError: the damaged file cannot be replaced.
        """
        async with self._busy:
            for place in self.repository.places[1:]:
                with contextlib.suppress(RecoveryError), self.repository.file() as file:
                    await self.repository.read_from(place, key)
                    await place.get(key, file)
                    await self.repository.first.delete([key])
                    await self.repository.first.put(key, file)
                    log.error("%s was damaged in the place local; it is the copy of %s now", key, place.name)
                    return True
            if await asyncio.to_thread(still_has, key, folders):
                await self.repository.first.delete([key])
                self._listed = None
                log.error("%s was damaged in the place local; it is sealed anew from what was received", key)
                return True
        return False
