"""Which WAL there is, without a hole, and when the last transaction in it was committed."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from nexus.postgres import programs
from nexus.recovery import layout, lsn
from nexus.recovery.errors import Missing, RecoveryFailed
from nexus.recovery.layout import SEGMENT_BYTES
from nexus.recovery.repository import Repository
from nexus.recovery.streaming.fetch import fetch_wal
from nexus.recovery.streaming.holdings import Holdings
from nexus.runtimes.process import accounts

ALIGNED = 8  # records begin at multiples of this; what lies before the next one is zero
LOOKS_BACK = 8  # segments that are searched for a commit
_COMMIT = re.compile(
    r"lsn: ([0-9A-F]+/[0-9A-F]+), .* desc: COMMIT(?:_PREPARED)? .*?(\d{4}-\d\d-\d\d .*? UTC)"
)


@dataclass(frozen=True, order=True)
class Span:
    """WAL of one timeline from `start_lsn` to `end_lsn` (exclusive), as numbers of bytes, without a hole."""

    timeline: int
    start_lsn: int
    end_lsn: int

    def holds(self, start: int, end: int) -> bool:
        """Whether all bytes from `start` to `end` (exclusive) are in it."""
        return self.start_lsn <= start and end <= self.end_lsn

    def __str__(self) -> str:
        return f"{lsn.text(self.start_lsn)} to {lsn.text(self.end_lsn)} on timeline {self.timeline}"


@dataclass(frozen=True)
class Commit:
    """A transaction's commit: its place in the WAL, and when it was, in seconds since the epoch."""

    lsn: int
    at: float


async def coverage(repository: Repository, size: int = SEGMENT_BYTES) -> tuple[Span, ...]:
    """The WAL that any place that can be reached holds, by timeline and place. `size`: of its segments.

    Raises:
        PlaceError: no place can be reached.
    """
    entries = await repository.entries(layout.WAL)
    return spans(Holdings.of(entry.key for entry in entries), size)


def spans(held: Holdings, size: int = SEGMENT_BYTES) -> tuple[Span, ...]:
    """The WAL that is held. Pure."""
    found: list[Span] = []
    names = sorted(held.whole | held.chunks.keys())
    for timeline, group in groupby(names, key=lsn.timeline):
        for name in group:
            start = lsn.start(name, size)
            end = min(start + -(-held.end(name, size) // ALIGNED) * ALIGNED, start + size)
            last = found[-1] if found else None
            if last is not None and last.timeline == timeline and last.end_lsn == start:
                found[-1] = Span(timeline, last.start_lsn, end)
            elif end > start:
                found.append(Span(timeline, start, end))
    return tuple(found)


async def last_commit(
    repository: Repository, span: Span, folder: Path, size: int = SEGMENT_BYTES
) -> Commit | None:
    """The last commit in a span; None where its last segments hold none. `folder`: for what is fetched.

    Raises:
        PlaceError, Damaged, WrongKey: the WAL cannot be read.
        RecoveryFailed: it cannot be understood.
    """
    last = (span.end_lsn - 1) // size
    for number in range(last, max(last - LOOKS_BACK, span.start_lsn // size - 1), -1):
        name = lsn.segment(span.timeline, number * size, size)
        found = await _commits(repository, name, folder, size)
        if found:
            return found[-1]
    return None


async def _commits(repository: Repository, name: str, folder: Path, size: int) -> tuple[Commit, ...]:
    account = programs.postgres_account()
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    with tempfile.TemporaryDirectory(dir=folder) as room:
        accounts.give(Path(room), account)
        path = Path(room, name)
        try:
            await fetch_wal(repository, name, path, size)
        except Missing:
            return ()
        accounts.give(path, account)
        text = await _dumped(programs.Programs(Path(room), account), path)
    return tuple(Commit(lsn.parse(found[1]), _epoch(found[2])) for found in _COMMIT.finditer(text))


async def _dumped(tools: programs.Programs, path: Path) -> str:
    """What pg_waldump prints of the transactions in a segment. It ends with an error where the WAL ends."""
    from nexus.runtimes.process.drivers.postgres import binaries

    command = (str(binaries() / "pg_waldump"), "--rmgr=Transaction", str(path))
    child = await programs.started(command, tools.account, tools.folder, programs.environment(), False)
    out, said = await child.communicate()
    if child.returncode and b"invalid" not in said and b"could not find a valid record" not in said:
        raise RecoveryFailed(f"pg_waldump failed: {said.decode(errors='replace').strip()[-400:]}")
    return out.decode(errors="replace")


def _epoch(text: str) -> float:
    form = "%Y-%m-%d %H:%M:%S.%f %Z" if "." in text else "%Y-%m-%d %H:%M:%S %Z"
    return datetime.strptime(text + "+0000", form + "%z").timestamp()
