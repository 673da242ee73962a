"""A source on disk: one file under a fixed name, or the files that a writer rotates by itself."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nexus.telemetry.intake.position import from_text, to_text
from nexus.telemetry.intake.tail import Tail
from nexus.telemetry.targets import LogSource

log = logging.getLogger("nexus.telemetry")

GRACE = 10.0  # seconds that a file which lost its name is still read: its writer may not know yet
MOST_FILES = 64


@dataclass
class _Open:
    tail: Tail
    seen: tuple[int, int] = (-1, -1)  # size and time of change when there was nothing more to read
    nameless_since: float = 0.0


@dataclass
class Files:
    """Lines of one source, oldest file first. `checkpoint` is where it was left off ("" = never read)."""

    told: LogSource
    checkpoint: str = ""
    _open: dict[int, _Open] = field(default_factory=dict)
    _current: _Open | None = None
    _unreadable: str = ""

    def __post_init__(self) -> None:
        self._known = {position.inode: position for position in from_text(self.checkpoint)}

    def take(self, budget: int) -> list[bytes]:
        """The next lines, up to `budget` bytes; each `take` with lines is followed by one `advance`."""
        self._look()
        for each in list(self._open.values()):
            try:
                lines = self._from(each, budget)
            except OSError as error:
                self._complain(error)
                continue
            if lines:
                self._current = each
                return lines
        return []

    def final(self) -> bool:
        """Whether no more lines need to be awaited for the last ones taken."""
        assert self._current is not None
        return self._current.tail.final(time.monotonic())

    def advance(self, count: int) -> None:
        """The first `count` of the lines taken were used."""
        assert self._current is not None
        self._current.tail.advance(count)

    def position(self) -> str:
        """The checkpoint that belongs to what was used."""
        return to_text([*self._known.values(), *(each.tail.position for each in self._open.values())])

    def lost(self) -> int:
        """Lines that were rotated away unread since the last question."""
        count = 0
        for each in self._open.values():
            count, each.tail.lost = count + each.tail.lost, 0
        return count

    def progress(self) -> dict[int, int]:
        """How far each open file was used, by inode."""
        return {inode: each.tail.position.offset for inode, each in self._open.items()}

    def kept(self, progress: Mapping[int, int]) -> None:
        """Everything up to these offsets is kept now: whoever rotates the files may know."""
        for inode, offset in progress.items():
            if inode in self._open:
                self._open[inode].tail.published(offset)

    def behind(self) -> int:
        """Bytes that are still to be read. Asked by other threads, too: a file may be gone just now."""
        total = 0
        for each in list(self._open.values()):
            with contextlib.suppress(OSError):
                total += each.tail.behind()
        return total

    def close(self) -> None:
        """Lets go of all files."""
        for each in self._open.values():
            each.tail.close()
        self._open.clear()

    def _look(self) -> None:
        """Opens what is new; lets go of what is gone and read."""
        named: set[int] = set()
        for path in self._paths():
            try:
                inode = path.stat().st_ino
                if inode not in self._open:
                    self._open[inode] = _Open(Tail(path, self._known.pop(inode, None)))
                named.add(inode)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._complain(error)
        if self._known and named:
            self._find_renamed()
        now = time.monotonic()
        for inode, each in list(self._open.items()):
            if inode in named:
                each.nameless_since = 0.0
            elif not each.nameless_since:
                each.nameless_since = now
            elif now - each.nameless_since > GRACE and not each.tail.finished:
                each.tail.finished, each.seen = True, (-1, -1)
            elif each.tail.finished and not each.tail.behind():
                each.tail.close()
                del self._open[inode]

    def _paths(self) -> list[Path]:
        if self.told.kind == "file":
            return [Path(self.told.where)]
        return [Path(name) for name in sorted(glob.glob(self.told.where))[-MOST_FILES:]]

    def _find_renamed(self) -> None:
        """Files that we had begun and that have another name now are read to their end; others are gone."""
        folder, known = Path(self.told.where).parent, self._known
        self._known = {}
        for entry in os.scandir(folder):
            position = known.get(entry.inode()) if entry.is_file() else None
            if position is None:
                continue
            tail = Tail(Path(entry.path), position)
            if tail.resumed:
                self._open = {tail.inode: _Open(tail), **self._open}
            else:
                tail.close()

    def _from(self, each: _Open, budget: int) -> list[bytes]:
        facts = os.fstat(each.tail.file)
        now = (facts.st_size, facts.st_mtime_ns)
        if now == each.seen:
            return []
        lines = each.tail.take(budget)
        if not lines and not each.tail.busy:
            each.seen = now
        return lines

    def _complain(self, error: OSError) -> None:
        """Says once what cannot be read."""
        said = f"{error.strerror}: {error.filename or self.told.where}"
        if said != self._unreadable:
            log.warning("the log of %s cannot be read: %s", self.told.service, said)
        self._unreadable = said
