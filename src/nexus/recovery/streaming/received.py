"""What pg_receivewal has written into its folder: whole segments, growing ones, timelines' histories.

It fills a file `SEGMENT.partial` of a segment's full size from the front; what it did not write yet is zero.
Each page of the WAL begins with a number that is not zero (xlog_internal.h), so the last page is where that
ends, and the last byte that is not zero is where the WAL ends but for zeros, which change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nexus.recovery import layout

PAGE = 8192  # bytes, XLOG_BLCKSZ
_BLOCK = 128 * PAGE
_NAME = re.compile(r"^([0-9A-F]{24})(\.partial)?$")
_HISTORY = re.compile(r"^([0-9A-F]{8})\.history$")
PARTIAL = ".partial"


@dataclass(frozen=True)
class Received:
    """A segment in the folder. `size`: of its file."""

    name: str
    path: Path
    partial: bool
    size: int


@dataclass(frozen=True)
class Folder:
    """What is in one folder. `segments` by place in the WAL, then by timeline, as pg_receivewal sees them."""

    segments: tuple[Received, ...]
    histories: tuple[tuple[int, Path], ...]

    @property
    def newest(self) -> Received | None:
        """The one after or in which pg_receivewal goes on."""
        return self.segments[-1] if self.segments else None


def read_folder(path: Path) -> Folder:
    """What is in a folder of pg_receivewal's; nothing where there is no folder."""
    segments, histories = [], []
    for file in path.iterdir() if path.exists() else ():
        if found := _NAME.match(file.name):
            segments.append(Received(found[1], file, bool(found[2]), file.stat().st_size))
        elif history := _HISTORY.match(file.name):
            histories.append((int(history[1], 16), file))
    segments.sort(key=lambda each: (each.name[8:], each.name[:8], not each.partial))
    return Folder(tuple(segments), tuple(sorted(histories)))


def written(path: Path, start: int = 0) -> int:
    """Up to which byte a segment was written, but for zeros at its end. `start`: up to where it is known to
    be.
    """
    end = start
    with path.open("rb") as file:
        offset = start // PAGE * PAGE
        file.seek(offset)
        while block := file.read(_BLOCK):
            for page in range(0, len(block), PAGE):
                if block[page : page + 2] in (b"\0\0", b"\0", b""):
                    return end
                end = max(end, offset + page + len(block[page : page + PAGE].rstrip(b"\0")))
            offset += len(block)
    return end


def piece(path: Path, start: int, end: int) -> bytes:
    """Some bytes of a segment."""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def still_has(key: str, folders: Iterable[Path]) -> bool:
    """Whether what a file of the archive holds is still among what was received."""
    chunk = layout.chunk_of(key)
    name = chunk.segment if chunk else layout.segment_of(key)
    return any(
        not each.partial or (chunk is not None and written(each.path) >= chunk.end)
        for folder in folders
        for each in read_folder(folder).segments
        if each.name == name
    )
