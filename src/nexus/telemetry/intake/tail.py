"""One log file, read from where we left off, while its writer appends and somebody rotates it."""

from __future__ import annotations

import os
from pathlib import Path

from nexus.runtimes.process import marks
from nexus.runtimes.process.marks import Cut
from nexus.telemetry.intake.position import PRINT, Position, fingerprint
from nexus.telemetry.parsing import LONGEST

HELD_FOR = 0.4  # seconds that the last lines wait for others that belong to them


class Tail:
    """`take` lines, then `advance` over those that were used. `lost` counts lines that were rotated away
    unread since it was last set to 0. `begin` is where to go on, None for the file's first byte.

    Raises:
        OSError: the file cannot be opened or read (also from `take`).
    """

    def __init__(self, path: Path, begin: Position | None = None) -> None:
        self.path = path
        self.lost = 0
        self.busy = False
        self.resumed = False  # the file is the one in which `begin` is
        self.finished = False  # nothing more will be appended: a last line without an end is a line
        self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self.inode = os.fstat(self.file).st_ino
        self._offset = self._lines = 0
        self._inside = False
        self._before = b""  # what precedes the offset
        self._chunk = b""  # what was taken
        self._taken: list[bytes] = []
        self._whole = 0  # bytes of the chunk that all taken lines are made of
        self._held = (-1, -1)
        self._held_since = 0.0
        try:
            self._start(begin)
            self.published(self._offset)
        except OSError:
            self.close()
            raise

    @property
    def position(self) -> Position:
        """Where the next line begins."""
        before = self._before
        return Position(self.inode, self._offset, self._lines, len(before), fingerprint(before), self._inside)

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self.file)

    def behind(self) -> int:
        """Bytes that are still to be read."""
        return max(0, os.fstat(self.file).st_size + marks.cut(self.file).base - self._offset)

    def published(self, offset: int) -> None:
        """Tells whoever rotates the file that it was kept up to here."""
        marks.set_read_until(self.file, offset)

    def take(self, budget: int) -> list[bytes]:
        """The next whole lines, from up to `budget` bytes, or the one line that is longer; none while the
        file is being rotated (`busy`).
        """
        self.busy = not marks.lock(self.file, exclusive=False)
        self._taken = []
        if self.busy:
            return []
        try:
            before = -1
            while not self._taken and self._offset != before:
                before = self._offset
                self._chunk = self._read(budget)
                if len(self._chunk) == budget <= LONGEST and b"\n" not in self._chunk:
                    self._chunk = self._read(LONGEST + 1)
                self._taken, self._whole = self._split()
        finally:
            marks.unlock(self.file)
        return self._taken

    def final(self, now: float) -> bool:
        """Whether what was taken has waited long enough for lines that belong to it."""
        place = (self._offset, self._whole)
        if place != self._held:
            self._held, self._held_since = place, now
        return self.finished or now - self._held_since >= HELD_FOR

    def advance(self, count: int) -> None:
        """The first `count` of the taken lines were used."""
        complete = count == len(self._taken)
        used = self._whole if complete else sum(map(len, self._taken[:count])) + count
        self._move(used)

    def _start(self, begin: Position | None) -> None:
        cut = marks.cut(self.file)
        self._reset(cut)
        if begin is None:
            older = self._older(self._offset)
            if older is not None:
                os.close(older[0])
                self._offset, self._lines = older[1].start, older[1].lines
            return
        self._offset, self._lines, self._inside = begin.offset, begin.lines, begin.inside
        self._before = self._bytes_before(begin.before, cut)
        other = len(self._before) == begin.before and fingerprint(self._before) != begin.print_
        if other or begin.offset - cut.base > os.fstat(self.file).st_size:
            self._reset(cut)
        else:
            self.resumed = True

    def _bytes_before(self, count: int, cut: Cut) -> bytes:
        """What precedes the offset, as far as it is still there."""
        place = self._offset - cut.base
        first = max(place - count, marks.data_start(self.file) if place > 0 else 0)
        return os.pread(self.file, place - first, first) if place > first else b""

    def _reset(self, cut: Cut) -> None:
        """To the file's first byte."""
        self._offset, self._lines = cut.base + marks.data_start(self.file), cut.lines
        self._before, self._inside = b"", False

    def _read(self, budget: int) -> bytes:
        cut, size = marks.cut(self.file), os.fstat(self.file).st_size
        still = self._bytes_before(len(self._before), cut)
        if self._offset - cut.base > size or not self._before.endswith(still):
            self._reset(cut)  # it was truncated, or filled with something else
        place = self._offset - cut.base
        first = marks.data_start(self.file, max(place, 0))
        moved = self._moved(budget, first + cut.base, cut.lines) if place < first else b""
        if len(moved) == budget or first >= size:
            return moved
        return moved + os.pread(self.file, budget - len(moved), first)

    def _moved(self, budget: int, until: int, lines: int) -> bytes:
        """What stands before `until` in `NAME.1`, if that was moved there before we had read it. What is in
        neither file is skipped and counted: as one line, where it is not known how many it was.
        """
        older = self._older(until)
        if older is None:
            self._skip(until, lines)
            return b""
        file, head = older
        try:
            if self._offset < head.start:
                self._skip(head.start, head.lines)
            return os.pread(file, min(budget, until - self._offset), self._offset - head.start)
        finally:
            os.close(file)

    def _older(self, until: int) -> tuple[int, marks.Head] | None:
        """`NAME.1`, opened, when it holds what comes just before `until` in this file."""
        try:
            file = os.open(self.path.with_name(self.path.name + ".1"), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        head = marks.head(file)
        if head and head.inode == self.inode and head.start + os.fstat(file).st_size == until > head.start:
            return file, head
        os.close(file)
        return None

    def _skip(self, offset: int, lines: int) -> None:
        if offset > self._offset:
            self.lost += max(1, lines - self._lines)
        self._offset, self._lines = offset, max(lines, self._lines)
        self._before, self._inside = b"", False

    def _split(self) -> tuple[list[bytes], int]:
        """The chunk's lines, and how many of its bytes they are made of."""
        chunk = self._chunk
        if self._inside:
            end = chunk.find(b"\n")
            self._move(len(chunk) if end < 0 else end + 1, still_inside=end < 0)
            chunk = self._chunk
        end = chunk.rfind(b"\n")
        if end >= 0:
            return chunk[:end].split(b"\n"), end + 1
        if len(chunk) > LONGEST:  # its beginning is a record; where it ends is seen later
            return [chunk], len(chunk)
        return ([chunk], len(chunk)) if chunk and self.finished else ([], 0)

    def _move(self, used: int, still_inside: bool | None = None) -> None:
        """Puts the position behind the first `used` bytes of the chunk."""
        done = self._chunk[:used]
        self._offset += used
        self._lines += done.count(b"\n")
        self._before = (self._before + done[-PRINT:])[-PRINT:]
        self._chunk = self._chunk[used:]
        if still_inside is not None:
            self._inside = still_inside
        elif done:
            self._inside = not done.endswith(b"\n") and not self.finished
