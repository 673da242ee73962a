"""The files of the store: one or more (parts) for each signal and day, or month, of collection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from nexus.telemetry.records import Signal
from nexus.telemetry.store.layout import LAYOUTS

_NAME = re.compile(r"^(\d{4}-\d{2}(?:-\d{2})?)(?:\.(\d+))?\.duckdb$")
SUFFIX = ".duckdb"


@dataclass
class Day:
    """One file. `first` and `last` are the earliest and latest `time` of its rows (UTC; None: it has none),
    `seq` the highest number of a row or checkpoint. A sealed file is complete, sorted, never written again.
    """

    signal: Signal
    path: Path
    period: str
    part: int
    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None
    seq: int = 0
    sealed: bool = False

    @classmethod
    def at(cls, folder: Path, signal: Signal, period: str, part: int) -> Day:
        """The file of a period's part (counted from 1) below the store's folder."""
        name = f"{period}.{part}{SUFFIX}" if part > 1 else f"{period}{SUFFIX}"
        return cls(signal, folder / signal / name, period, part)

    @property
    def title(self) -> str:
        """What operators call it."""
        return f"{self.signal} of {self.period}" + (f" part {self.part}" if self.part > 1 else "")

    @property
    def key(self) -> tuple[str, int]:
        """Sorts files by age."""
        return self.period, self.part

    @property
    def wal(self) -> Path:
        """DuckDB's write-ahead log of this file."""
        return self.path.with_name(f"{self.path.name}.wal")

    @property
    def size(self) -> int:
        """Bytes on disk."""
        size = 0
        for each in (self.path, self.wal):
            with suppress(FileNotFoundError):  # a checkpoint takes the write-ahead log away
                size += each.stat().st_size
        return size

    @property
    def ends(self) -> datetime:
        """When its period is over."""
        begin = date.fromisoformat(self.period if len(self.period) == 10 else f"{self.period}-01")
        if len(self.period) == 10:
            after = begin + timedelta(days=1)
        else:
            after = (begin + timedelta(days=31)).replace(day=1)
        return datetime(after.year, after.month, after.day, tzinfo=UTC)

    def overlaps(self, since: datetime | None, until: datetime | None) -> bool:
        """Whether a row of it may lie within [since, until)."""
        if self.first is None or self.last is None:
            return False
        return (since is None or self.last >= since) and (until is None or self.first < until)

    def grow(self, rows: int, first: datetime, last: datetime) -> None:
        """Remember that rows were added."""
        self.rows += rows
        self.first = min(self.first or first, first)
        self.last = max(self.last or last, last)


def period(signal: Signal, now: datetime) -> str:
    """The period into whose file goes what is collected now."""
    return f"{now:%Y-%m}" if LAYOUTS[signal].monthly else f"{now:%Y-%m-%d}"


def found(folder: Path, signal: Signal) -> Iterator[Day]:
    """The files there are, oldest first."""
    names = [(match[1], int(match[2] or 1)) for match in map(_NAME.match, _listed(folder / signal)) if match]
    for name, part in sorted(names):
        yield Day.at(folder, signal, name, part)


def leftovers(folder: Path, signal: Signal) -> list[Path]:
    """Files of a sealing that was killed."""
    return [folder / signal / name for name in _listed(folder / signal) if SUFFIX + ".sealing" in name]


def _listed(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()] if folder.is_dir() else []
