"""What happened in a segment of the WAL: transactions that ended, restore points; as pg_waldump tells."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from nexus.postgres import programs
from nexus.recovery import lsn
from nexus.recovery.errors import Damaged, Missing
from nexus.recovery.repository import Repository
from nexus.recovery.streaming.fetch import read_wal
from nexus.runtimes.home import closed_to_others
from nexus.runtimes.process import accounts
from nexus.runtimes.process.drivers.postgres import binaries

BEYOND = 64 << 10  # a record may go on in the next segment
AT_ONCE = 4
KEPT = 2000  # segments of which it is remembered what they hold
EPOCH = datetime(2000, 1, 1, tzinfo=UTC).timestamp()  # of PostgreSQL's timestamps
_HEAD = 24 + 2  # of a record, and of its only data (src/include/access/xlogrecord.h)
_LINE = re.compile(r"^rmgr: (\S+) .*?lsn: ([0-9A-F]+/[0-9A-F]+), prev \S+ desc: (\S+) ?(.*)$", re.MULTILINE)
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?= UTC)")
_ENDS = (
    *("invalid", "could not find a valid record", "out-of-sequence", "unexpected"),
    *("could not open file", "could not find file"),
    "incorrect",  # the WAL ends within a record; what is stored cannot be altered unseen
)


class End(NamedTuple):
    """A transaction's end: its place, when, and whether it was committed."""

    lsn: int
    at: float
    committed: bool


class Point(NamedTuple):
    """A restore point: its place, its name, and when it was made (None: not known)."""

    lsn: int
    name: str
    at: float | None


@dataclass(frozen=True)
class Records:
    """What begins in one segment, by place. `end`: up to where the segment could be read."""

    ends: tuple[End, ...] = ()
    points: tuple[Point, ...] = ()


@dataclass
class Reader:
    """Reads segments of a repository once, and keeps what it found in `repository.scratch`: whole segments
    never change. `size`: of segments; `system`: whose cluster it is.
    """

    repository: Repository
    size: int
    system: str
    _known: dict[str, Records] = field(default_factory=dict)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def records(self, timeline: int, number: int, end: int) -> Records:
        """What begins in segment `number` of a timeline, before the byte `end`.

        Raises:
            Damaged, WrongKey, PlaceError: the WAL cannot be read.
        """
        name = lsn.segment(timeline, number * self.size, self.size)
        found = self._known.get(name) or self._kept(name)
        if found is None:
            async with self._turns:
                found, whole = await self._read(name, end)
            if whole:
                self._keep(name, found)
        self._known[name] = found
        return Records(
            tuple(each for each in found.ends if each.lsn < end),
            tuple(each for each in found.points if each.lsn < end),
        )

    async def _read(self, name: str, end: int) -> tuple[Records, bool]:
        """What a segment holds, and whether that is all that it will ever hold."""
        start, account = lsn.start(name, self.size), programs.postgres_account()
        following = lsn.segment(lsn.timeline(name), start + self.size, self.size)
        with tempfile.TemporaryDirectory(dir=self._room(), prefix="nexus-wal-") as room:
            accounts.give(Path(room), account)
            data = await self._fetched(name, Path(room))
            whole = end > start + self.size + BEYOND
            if end > start + self.size:
                try:
                    await self._fetched(following, Path(room))
                except Missing:
                    whole = False
            tools = programs.Programs(Path(room), account)
            text = await self._dumped(tools, name, start)
        return read(text, start, start + self.size, data), whole

    def _room(self) -> Path | None:
        """Where pg_waldump, which runs as another user where we are root, can read; None = the system's
        folder for temporary files.
        """
        scratch = self.repository.scratch
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not accounts.can_drop():
            return scratch
        scratch.chmod(0o711)
        return scratch if closed_to_others(scratch / "x") is None else None

    async def _fetched(self, name: str, room: Path) -> bytes:
        data = await read_wal(self.repository, name, self.size)
        path = room / name
        await asyncio.to_thread(path.write_bytes, data)
        accounts.give(path, programs.postgres_account())
        return data

    async def _dumped(self, tools: programs.Programs, name: str, start: int) -> str:
        command = (
            *(str(binaries() / "pg_waldump"), "-p", str(tools.folder)),
            *("-t", str(lsn.timeline(name)), "-s", lsn.text(start)),
            *("-e", lsn.text(start + self.size + BEYOND), "--rmgr=Transaction", "--rmgr=XLOG"),
        )
        child = await programs.started(command, tools.account, tools.folder, programs.environment(), False)
        out, said = await child.communicate()
        text = said.decode(errors="replace").strip()
        if child.returncode and not any(each in text for each in _ENDS):
            raise Damaged(f"{name} cannot be understood: {text[-400:]}")
        return out.decode(errors="replace")

    def _file(self, name: str) -> Path:
        return self.repository.scratch / "records" / self.system / f"{name}.json"

    def _kept(self, name: str) -> Records | None:
        try:
            told = json.loads(self._file(name).read_text())
            ends = tuple(End(*each) for each in told["ends"])
            return Records(ends, tuple(Point(*each) for each in told["points"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # cut short: it is read again
            return None

    def _keep(self, name: str, found: Records) -> None:
        path = self._file(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        accounts.private_file(path, json.dumps(asdict(found)), None)
        kept = sorted(path.parent.glob("*.json"))
        for old in kept[:-KEPT]:
            old.unlink(missing_ok=True)


def read(text: str, start: int, end: int, data: bytes) -> Records:
    """What pg_waldump told of a segment, `data`, that lies from `start` to `end`. Pure."""
    lines = [(lsn.parse(found[2]), found[1], found[3], found[4]) for found in _LINE.finditer(text)]
    within = [each for each in lines if start <= each[0] < end]
    return Records(tuple(_ends(within)), tuple(_points(within, start, data)))


def _ends(lines: list[tuple[int, str, str, str]]) -> Iterator[End]:
    for place, kind, what, more in lines:
        if kind == "Transaction" and what.partition("_")[0] in ("COMMIT", "ABORT"):
            when = _TIME.search(more)
            if when is not None:
                at = datetime.fromisoformat(when[0]).replace(tzinfo=UTC).timestamp()
                yield End(place, at, what.startswith("COMMIT"))


def _points(lines: list[tuple[int, str, str, str]], start: int, data: bytes) -> Iterator[Point]:
    for place, kind, what, more in lines:
        if kind == "XLOG" and what == "RESTORE_POINT":
            yield Point(place, more, _made_at(data[place - start + _HEAD :], more))


def _made_at(record: bytes, name: str) -> float | None:
    """When a restore point was made, which pg_waldump does not tell: a number before its name
    (xl_restore_point). None where the record goes on on another page.
    """
    head = 8
    if not record[head:].startswith(name.encode() + b"\0"):
        return None
    return EPOCH + int.from_bytes(record[:head], "little", signed=True) / 1e6
