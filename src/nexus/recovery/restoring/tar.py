"""What a part of a tar stream says is to be written where (POSIX.1-1988 ustar, as pg_basebackup writes it).

A part is read without the others: what of a file goes on in the next part is told by a `Cursor`.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from nexus.recovery.errors import Damaged

BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Cursor:
    """Where a stream is between two parts: so many bytes of `file` (at `offset`) come, then so many zeros.

    `ended`: the stream said that it is over; `number` of entries so far.
    """

    file: str = ""
    offset: int = 0
    rest: int = 0
    padding: int = 0
    ended: bool = False
    number: int = 0


@dataclass(frozen=True)
class Folder:
    """A folder to make."""

    name: str


@dataclass(frozen=True)
class Piece:
    """Bytes `start` to `end` of the part belong into a file, at `offset`."""

    name: str
    offset: int
    start: int
    end: int


def scan(part: memoryview, cursor: Cursor) -> tuple[list[Folder | Piece], Cursor]:
    """What is in a part, and where the next one begins.

    Raises:
        Damaged: it is no part of such a stream, or names a file outside.
    """
    found: list[Folder | Piece] = []
    at, number, ended = 0, cursor.number, cursor.ended
    name, offset, rest, padding = cursor.file, cursor.offset, cursor.rest, cursor.padding
    while at < len(part) and not ended:
        if rest:
            taken = min(rest, len(part) - at)
            found.append(Piece(name, offset, at, at + taken))
            at, offset, rest = at + taken, offset + taken, rest - taken
            continue
        if padding:
            taken = min(padding, len(part) - at)
            at, padding = at + taken, padding - taken
            continue
        entry = _entry(bytes(part[at : at + BLOCK]))
        at += BLOCK
        if entry is None:
            ended = True
            continue
        number += 1
        name = _inside(entry.name)
        if entry.isdir():
            found.append(Folder(name))
        elif entry.isreg():
            offset, rest, padding = 0, entry.size, -entry.size % BLOCK
            found.append(Piece(name, 0, at, at))  # also where it is empty
        else:
            raise Damaged(f"the stream of files holds {name}, which is neither a file nor a folder")
    return found, Cursor(name, offset, rest, padding, ended, number)


def _entry(block: bytes) -> tarfile.TarInfo | None:
    """One header; None for a block of zeros, which ends the stream."""
    if not any(block):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise Damaged(f"the stream of files is broken: {error}") from error


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise Damaged(f"the stream of files names {name!r}, which is outside")
    return str(path)
