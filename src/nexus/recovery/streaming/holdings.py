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

    def ends(self, size: int) -> dict[int, int]:
        """How far each timeline's WAL is held: timeline → LSN. `size`: of segments."""
        last: dict[int, str] = {}
        for name in self.whole | self.chunks.keys():
            timeline = lsn.timeline(name)
            last[timeline] = max(name, last.get(timeline, ""))
        return {each: lsn.start(name, size) + self.end(name, size) for each, name in last.items()}


def contiguous(chunks: Iterable[Chunk]) -> int:
    """Up to which byte chunks follow each other without a hole, from the segment's first one on."""
    end = 0
    for chunk in sorted(chunks, key=lambda each: (each.start, each.end)):
        if chunk.start > end:
            break
        end = max(end, chunk.end)
    return end
