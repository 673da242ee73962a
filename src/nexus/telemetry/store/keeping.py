"""Keeps the store within its policy: seals past days, drops the oldest, leaves room on the disk."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from nexus.telemetry.records import SIGNALS, Signal
from nexus.telemetry.store.days import Day, period
from nexus.telemetry.store.engine import damaging
from nexus.telemetry.store.errors import DayGone
from nexus.telemetry.store.layout import LAYOUTS
from nexus.telemetry.store.sealing import seal
from nexus.telemetry.store.writer import Writer

if TYPE_CHECKING:
    from nexus.telemetry.store.store import Store

_log = logging.getLogger("nexus.telemetry")
_LAST_TO_GO: Signal = "business"
_WAITING = 2 * 2**20  # bytes of write-ahead log


class Keeper:
    """Tends a store's files."""

    def __init__(
        self,
        store: Store,
        days: Mapping[Signal, list[Day]],
        writers: Mapping[Signal, Writer],
        writing: threading.RLock,
    ) -> None:
        self._store, self._days, self._writers, self._writing = store, days, writers, writing
        self._tending = threading.Lock()

    def tend(self) -> list[str]:
        """See `Store.tend`."""
        if self._store.read_only:
            return []
        with self._tending:
            done = [*self._retain(), *self._make_room(), *self._seal()]
            self._settle()
            for what in done:
                self._store.catalogue.tell(what)
            self._store.engine.trim({today.path for today in map(self._today, SIGNALS) if today})
            self._store.refresh()
            return done

    def _settle(self) -> None:
        """Move what waits in write-ahead logs into the files: until then it takes memory."""
        for today in filter(None, map(self._today, SIGNALS)):
            if today.wal.exists() and today.wal.stat().st_size > _WAITING:
                try:
                    self._store.checkpoint(today)
                except (duckdb.Error, DayGone) as error:
                    _log.warning("%s keeps its write-ahead log: %s", today.title, str(error).splitlines()[0])
        pa.default_memory_pool().release_unused()

    def room(self) -> bool:
        """Whether the disk has room for more, after dropping the oldest days where that was needed."""
        if self._free() >= 0:
            return True
        for what in self._make_room():
            self._store.catalogue.tell(what)
        return self._free() >= 0

    def _free(self) -> int:
        disk = shutil.disk_usage(self._store.folder)
        return disk.free - self._store.policy.reserved(disk.total)

    def _today(self, signal: Signal) -> Day | None:
        return self._writers[signal].today

    def _past(self, signal: Signal) -> list[Day]:
        """Files that are no longer written to, oldest first."""
        name = period(signal, datetime.now(UTC))
        newest = max((day.part for day in self._days[signal] if day.period == name), default=0)
        return sorted(
            (day for day in self._days[signal] if (day.period, day.part) != (name, newest)),
            key=lambda day: day.key,
        )

    def _retain(self) -> list[str]:
        done = []
        now = self._lived()
        for signal, keep in self._store.policy.keep.items():
            oldest = now - keep.age
            for day in [day for day in self._past(signal) if day.ends <= oldest]:
                done += self._drop(day, f"older than {keep.age.days} d")
            for day in self._past(signal):
                if sum(each.size for each in self._days[signal]) <= keep.size:
                    break
                done += self._drop(day, f"{signal} exceed {keep.size // 2**20} MiB")
        return done

    def _lived(self) -> datetime:
        """Now, but at most a day after the last period, before today, in which rows were written.

        Age is measured by it: a clock that leaps ahead makes nothing old until it has gone on for a day.
        """
        now = datetime.now(UTC)
        ends = []
        for signal in SIGNALS:
            earlier = [day for day in self._days[signal] if day.rows and day.period != period(signal, now)]
            if earlier and not LAYOUTS[signal].monthly:
                ends.append(max(earlier, key=lambda day: day.seq).ends)
        return min(now, max(ends) + timedelta(days=1)) if ends else now

    def _make_room(self) -> list[str]:
        done: list[str] = []
        while self._free() < 0:
            past = [day for signal in SIGNALS if signal != _LAST_TO_GO for day in self._past(signal)]
            past = sorted(past, key=lambda day: day.key) or self._past(_LAST_TO_GO)
            if not past:
                break
            dropped = self._drop(past[0], "the disk is nearly full")
            if not dropped:
                break
            done += dropped
        return done

    def _drop(self, day: Day, why: str) -> list[str]:
        with self._writing:
            size, rows = day.size, day.rows
            if not self._carried(day):
                return []
            self._days[day.signal].remove(day)
            self._store.engine.forget(day)
            for path in (day.wal, day.path):
                path.unlink(missing_ok=True)
            return [f"dropped {day.title}, {rows} rows, {size / 2**20:.1f} MiB: {why}"]

    def _carried(self, day: Day) -> bool:
        """See to it that checkpoints outlive the file, even on a full disk."""
        kept = [each for each in self._days[day.signal] if each is not day and each.seq >= day.seq]
        if kept or not self._writers[day.signal].checkpoints:
            return True
        try:
            self._writers[day.signal].carry()
        except duckdb.Error:
            return False
        return True

    def _seal(self) -> list[str]:
        done = []
        for signal in SIGNALS:
            for day in [day for day in self._past(signal) if not day.sealed]:
                try:
                    done += seal(self._store, day, self._writing)
                except DayGone as gone:
                    done.append(str(gone))
                except duckdb.Error as error:
                    if damaging(error):
                        self._store.set_aside(day, error)
                    else:
                        done.append(f"could not seal {day.title}: {str(error).splitlines()[0]}")
        return done
