"""One file of the WAL out of the archive, as a recovering server asks for it.

What feeds the server tells a file that is not there (Missing), which ends a recovery, from one that cannot be
had intact (all other errors), which must stop it: the manual's exit codes 1 and above 125 of a
restore_command (25.3.5).
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path

from nexus.recovery import layout
from nexus.recovery.errors import Damaged, Missing, PlaceError
from nexus.recovery.layout import SEGMENT_BYTES, Chunk
from nexus.recovery.repository import Repository
from nexus.recovery.streaming.holdings import contiguous

TRIES = 3  # a living archive puts chunks together while they are read
_SEGMENT = re.compile(r"^[0-9A-F]{24}$")
_HISTORY = re.compile(r"^([0-9A-F]{8})\.history$")


async def fetch_wal(repository: Repository, name: str, to: Path, size: int = SEGMENT_BYTES) -> None:
    """Writes a segment or a timeline's history to `to`, whole or not at all. A segment that was not full is
    put together from its chunks, and zeros follow them, as in the server's own files. `size`: of segments.

    Raises:
        Missing: no place has a segment; none that can be reached has a history, as servers ask for those that
            never were; also for names that are never stored (`….backup`).
        Damaged: no place has it intact, or something within it is missing.
        WrongKey, PlaceError: as Repository.read raises them.
    """
    data = await read_wal(repository, name, size)
    await asyncio.to_thread(_write, to, data)


async def read_wal(repository: Repository, name: str, size: int = SEGMENT_BYTES) -> bytes:
    """What `fetch_wal` writes. Raises as it does."""
    if history := _HISTORY.match(name):
        return await _listed(repository, layout.history(int(history[1], 16)))
    if not _SEGMENT.match(name):
        raise Missing(f"{name} is nothing that the archive keeps")
    for attempt in range(1, TRIES + 1):
        try:
            return await _segment(repository, name, size)
        except Missing:
            if attempt == TRIES:
                raise
    raise AssertionError("unreachable")


async def _segment(repository: Repository, name: str, size: int) -> bytes:
    prefix = layout.segment(name)
    listing = await repository.listing(prefix)
    keys = {entry.key for entry in listing.entries}
    if prefix in keys:
        data = await repository.read(prefix)
        if len(data) != size:
            raise Damaged(f"{prefix} holds {len(data)} bytes instead of {size}")
        return data
    chunks = sorted(found for key in keys if (found := layout.chunk_of(key)))
    if not chunks and listing.silent:
        told = "; ".join(map(str, listing.silent.values()))
        raise PlaceError(f"{name} is in none of the places that can be reached, but may be elsewhere: {told}")
    if not chunks:
        raise Missing(f"{name} is in none of the places")
    return await _together(repository, name, chunks, size)


async def _together(repository: Repository, name: str, chunks: list[Chunk], size: int) -> bytes:
    end = max(each.end for each in chunks)
    if contiguous(chunks) < end or end > size:
        raise Damaged(f"{name}: not all of its first {end} bytes are there")
    whole = bytearray(size)
    done = 0
    for chunk in sorted(chunks, key=lambda each: (each.start, -each.end)):
        if chunk.end <= done:  # a larger one has it already
            continue
        key = layout.chunk(*chunk)
        data = await repository.read(key)
        if len(data) != chunk.end - chunk.start:
            raise Damaged(f"{key} holds {len(data)} bytes")
        whole[chunk.start : chunk.end] = data
        done = chunk.end
    return bytes(whole)


async def _listed(repository: Repository, key: str) -> bytes:
    """Reads what a place lists: one that cannot be reached is no reason to doubt those that can."""
    if not await repository.entries(key):
        raise Missing(f"{key} is in none of the places that can be reached")
    return await repository.read(key)


def _write(to: Path, data: bytes) -> None:
    descriptor, draft = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(draft, to)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
