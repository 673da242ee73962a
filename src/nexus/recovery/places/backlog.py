"""What a place still lacks of what another has, in the order in which it is to come.

WAL goes first and in its own lane, so that a large backup never makes the company's latest minutes wait.
In the other lane, what several backups may share comes first, then backup by backup, the manifest of each
last: a backup is one only when all of it is there. Reports come at the end.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Literal

from nexus.recovery import layout
from nexus.recovery.places.place import Entry

Lane = Literal["wal", "rest"]
LANES: tuple[Lane, ...] = ("wal", "rest")
Rank = tuple[int, str, int, str]


def lane(key: str) -> Lane:
    """In which lane a key goes."""
    return "wal" if key == layout.REPOSITORY or key.startswith(layout.WAL) else "rest"


def rank(key: str) -> Rank:
    """What comes first, within a lane."""
    if key == layout.REPOSITORY:
        return (0, "", 0, key)
    if key.endswith(".history"):  # short, and nothing after it can be used without
        return (1, "", 0, key)
    if chunk := layout.chunk_of(key):
        return (2, chunk.segment, chunk.start, key)
    if key.startswith(layout.WAL):
        return (2, key.rpartition("/")[2], 0, key)
    if key.startswith(layout.BACKUPS):
        backup = key.split("/")[1]
        return (4, backup, int(key == layout.manifest(backup)), key)
    return (5 if key.startswith(layout.REPORTS) else 3, "", 0, key)


class Backlog:
    """Of one target. It is told what the source has, what the target has, and what was copied."""

    def __init__(self) -> None:
        self._there: dict[str, int] = {}  # in the target, with their sizes
        self._since: dict[str, int] = {}  # what came there since its listing began
        self._lacking: dict[str, tuple[Rank, Entry]] = {}
        self._queues: dict[Lane, list[tuple[Rank, str]]] = {name: [] for name in LANES}
        self.refused: dict[str, str] = {}  # which the target cannot take, and why

    def listing(self) -> None:
        """Notes that the target begins to be listed."""
        self._since = {}

    def listed(self, target: Iterable[Entry], prefix: str = "") -> None:
        """What the target has, all of it that is below a prefix."""
        others = {key: size for key, size in self._there.items() if not key.startswith(prefix)}
        self._there = others | {entry.key: entry.bytes for entry in target} | self._since
        for key in tuple(self.refused):  # it may have been mended
            self.retry(key)
        for key in self._there.keys() & self._lacking.keys():
            if self._there[key] == self._lacking[key][1].bytes:
                self._drop(key)

    def seen(self, source: Iterable[Entry]) -> bool:
        """Notes what the source has. Whether the target lacks more now."""
        found = {entry.key: entry for entry in source}
        new = [entry for entry in found.values() if self._wanted(entry, found)]
        for entry in new:
            self._lacking[entry.key] = (rank(entry.key), entry)
            self.refused.pop(entry.key, None)
            self._queue(entry.key)
        for key in [key for key in self._lacking if "+" in key and self._whole(key) in found]:
            self._drop(key)
        return bool(new)

    def next(self, name: Lane) -> Entry | None:
        """What comes next in a lane; it stays until it is `copied` or `gone`."""
        queue = self._queues[name]
        while queue:
            key = queue[0][1]
            if key in self._lacking and key not in self.refused:
                return self._lacking[key][1]
            heapq.heappop(queue)
        return None

    def keys(self) -> frozenset[str]:
        """What the target lacks."""
        return frozenset(self._lacking)

    def there(self, prefix: str = "") -> tuple[str, ...]:
        """What the target has below a prefix, as far as is known."""
        return tuple(key for key in self._there if key.startswith(prefix))

    def copied(self, entry: Entry) -> None:
        """Notes that the target has it."""
        self._drop(entry.key)
        self._there[entry.key] = self._since[entry.key] = entry.bytes

    def gone(self, keys: Iterable[str]) -> None:
        """Notes that the source has them no more."""
        for key in keys:
            self._drop(key)

    def refuse(self, key: str, why: str) -> None:
        """Notes that the target cannot take it; it is tried again when the target is listed again."""
        self.refused[key] = why

    def retry(self, key: str) -> None:
        """Notes that what the target could not take may have been mended."""
        if self.refused.pop(key, None) is not None and key in self._lacking:
            self._queue(key)

    def forgotten(self, keys: Iterable[str]) -> None:
        """Notes that the target has them no more."""
        for key in keys:
            self._there.pop(key, None)
            self._since.pop(key, None)

    def superseded(self) -> tuple[str, ...]:
        """Chunks in the target whose bytes another file has that is there too: the whole segment, or a larger
        chunk; the oldest WAL first.
        """
        found: list[str] = []
        wider: layout.Chunk | None = None
        chunks = [chunk for key in self._there if (chunk := layout.chunk_of(key))]
        for chunk in sorted(chunks, key=lambda each: (each.segment, each.start, -each.end)):
            if layout.segment(chunk.segment) in self._there or (
                wider is not None and wider.segment == chunk.segment and chunk.end <= wider.end
            ):
                found.append(layout.chunk(*chunk))
            else:
                wider = chunk
        return tuple(found)

    def lacking(self, prefix: str = "") -> tuple[Entry, ...]:
        """What the target lacks below a prefix, in the order in which it comes."""
        return tuple(entry for _, entry in sorted(self._below(prefix)))

    def _below(self, prefix: str) -> list[tuple[Rank, Entry]]:
        return [each for key, each in self._lacking.items() if key.startswith(prefix)]

    def _wanted(self, entry: Entry, found: Mapping[str, Entry]) -> bool:
        if entry.key in self._lacking:  # sealed anew, it has another digest
            return entry.sha256 not in ("", self._lacking[entry.key][1].sha256)
        if self._there.get(entry.key) == entry.bytes:
            return False
        whole = self._whole(entry.key)
        return whole is None or not any(whole in where for where in (found, self._lacking, self._there))

    def _queue(self, key: str) -> None:
        heapq.heappush(self._queues[lane(key)], (self._lacking[key][0], key))

    def _drop(self, key: str) -> None:
        self._lacking.pop(key, None)
        self.refused.pop(key, None)

    @staticmethod
    def _whole(key: str) -> str | None:
        """The key of the whole segment to which a chunk belongs."""
        chunk = layout.chunk_of(key)
        return layout.segment(chunk.segment) if chunk else None
