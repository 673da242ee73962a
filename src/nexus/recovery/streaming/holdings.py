"""What of the WAL a place holds, read from the names of what is stored there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from nexus.recovery import layout, lsn
from nexus.recovery.layout import Chunk

_HISTORY = re.compile(r"^wal/([0-9A-F]{8})\.history$")


@dataclass
class Holdings:
    """Whole segments, chunks of segments that were not full yet (sorted), and timelines' histories."""

    whole: set[str] = field(default_factory=set)
    chunks: dict[str, list[Chunk]] = field(default_factory=dict)
    histories: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, keys: Iterable[str]) -> Holdings:
        """What these keys hold; those that name no WAL are passed over."""
        found = cls()
        for key in keys:
            found.add(key)
        return found

    def add(self, key: str) -> None:
        """Takes a stored file in."""
        if name := layout.segment_of(key):
            self.whole.add(name)
        elif chunk := layout.chunk_of(key):
            kept = self.chunks.setdefault(chunk.segment, [])
            if chunk not in kept:
                kept.append(chunk)
                kept.sort()
        elif history := _HISTORY.match(key):
            self.histories.add(int(history[1], 16))

    def drop(self, chunk: Chunk) -> None:
        """Leaves a chunk out that was deleted."""
        kept = [each for each in self.chunks.get(chunk.segment, ()) if each != chunk]
        if kept:
            self.chunks[chunk.segment] = kept
        else:
            self.chunks.pop(chunk.segment, None)

    def end(self, name: str, size: int) -> int:
        """Up to which of its bytes a segment of `size` bytes is held, from its first one on."""
        return size if name in self.whole else contiguous(self.chunks.get(name, ()))

    def latest(self, size: int) -> tuple[int, int] | None:
        """The newest timeline and how far its WAL is held, as (timeline, LSN); None where nothing is."""
        names = self.whole | self.chunks.keys()
        if not names:
            return None
        newest = max(int(name[:8], 16) for name in names)
        last = max(name for name in names if int(name[:8], 16) == newest)
        return newest, lsn.start(last, size) + self.end(last, size)


def contiguous(chunks: Iterable[Chunk]) -> int:
    """Up to which byte chunks follow each other without a hole, from the segment's first one on."""
    end = 0
    for chunk in sorted(chunks, key=lambda each: (each.start, each.end)):
        if chunk.start > end:
            break
        end = max(end, chunk.end)
    return end
