"""One DuckDB instance to which the store's files are attached while they are needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from nexus.telemetry.store.asker import ASKER
from nexus.telemetry.store.days import Day
from nexus.telemetry.store.errors import DayGone, StoreBusy
from nexus.telemetry.store.layout import LAYOUTS
from nexus.telemetry.store.policy import Policy

_log = logging.getLogger("nexus.telemetry")
_DAMAGE = (
    "corrupt",
    "checksum",
    "not a valid duckdb",
    "enough bytes",
    "could not read",
    "deserializ",
    "invalid block",
)
_SMALL = "32MB"
_WAL = "64MB"  # each checkpoint compresses the last rows again: 16 MB cost twice the time


def damaging(error: duckdb.Error) -> bool:
    """Whether the error says that a file's content is broken.

    Words count only in errors of reading: others may quote what was asked for.
    """
    reading = isinstance(error, duckdb.IOException | duckdb.SerializationException | duckdb.InternalException)
    return reading and any(sign in str(error).lower() for sign in _DAMAGE)


@dataclass
class _Attached:
    alias: str
    writable: bool
    leases: int = 0


class Engine:
    """Attaches files lazily and lends them out; queries see nothing of the machine but the store's folder."""

    def __init__(self, folder: Path, policy: Policy, read_only: bool) -> None:
        self._folder, self._policy, self._read_only = folder.absolute(), policy, read_only
        self._change = threading.Condition()
        self._attached: dict[Path, _Attached] = {}
        self._names = 0
        self._connection = self._open()

    def _open(self) -> duckdb.DuckDBPyConnection:
        memory = f"{self._policy.memory // 2**20}MB"
        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": self._policy.threads,
                "memory_limit": memory,
                "temp_directory": str(self._folder / ".spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
                "wal_autocheckpoint": _WAL,
                "allocator_flush_threshold": "4MB",
                "allocator_bulk_deallocation_flush_threshold": "8MB",
                "allocator_background_threads": True,
            },
        )
        folder = str(self._folder).replace("'", "''")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET allowed_directories = ['{folder}/']")
        connection.execute("SET allowed_configs = ['memory_limit']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same instance; close it after use. Raises GivenUp: see `asker`."""
        with self._change:
            cursor = self._connection.cursor()
        if asker := ASKER.get():
            asker.uses(cursor)
        return cursor

    @contextmanager
    def lease(self, day: Day, writable: bool = False) -> Iterator[str]:
        """The name under which `day` is attached, until the end of the block.

        Raises DayGone when its file is not there, StoreBusy when another process holds it, duckdb.Error when
        it cannot be read.
        """
        with self._change:
            attached = self._attach(day, writable)
            attached.leases += 1
        try:
            yield attached.alias
        finally:
            with self._change:
                attached.leases -= 1
                self._change.notify_all()

    def _attach(self, day: Day, writable: bool) -> _Attached:
        if not writable and not day.path.exists():
            raise DayGone(f"{day.title} is gone")
        writable = writable or not (day.sealed or self._read_only)  # the writer may need it while it is read
        known = self._attached.get(day.path)
        if known and (known.writable or not writable):
            return known
        if known:
            self._detach(day.path)
        self._names += 1
        attached = _Attached(f"day{self._names}", writable)
        self.attach(day.path, attached.alias, LAYOUTS[day.signal].block, writable)
        self._attached[day.path] = attached
        return attached

    def attach(self, path: Path, alias: str, block: int, writable: bool) -> None:
        """Attach a file under a name. Errors as of `lease`."""
        writable = writable and not self._read_only
        options = f"STORAGE_VERSION 'latest', BLOCK_SIZE {block}" if writable else "READ_ONLY"
        name = str(path.absolute()).replace("'", "''")
        try:
            self._connection.execute(f"ATTACH '{name}' AS {alias} ({options})")
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise StoreBusy(f"another process holds {path}; ask the running stack instead") from error
            raise

    def detach(self, alias: str) -> None:
        """Detach what `attach` attached."""
        self._connection.execute(f"DETACH {alias}")

    def _detach(self, path: Path) -> None:
        try:
            self.detach(self._attached.pop(path).alias)
        except (
            duckdb.IOException
        ) as error:  # the disk is full: what is committed stays in the write-ahead log
            _log.warning("%s is closed without a checkpoint: %s", path, str(error).splitlines()[-1])

    @contextmanager
    def alone(self, day: Day, seconds: float = 10.0) -> Iterator[bool]:
        """Wait until nobody reads `day`, detach it and keep everybody out until the end of the block.

        Yields whether that came true within `seconds`.
        """
        with self._change:
            free = self._change.wait_for(lambda: not self._leased(day.path), seconds)
            if free and day.path in self._attached:
                self._detach(day.path)
            yield free

    def forget(self, day: Day) -> None:
        """Detach a file whatever becomes of its readers: it is broken or no longer trusted."""
        with self._change:
            if day.path in self._attached:
                with suppress(duckdb.Error):
                    self._detach(day.path)

    def _leased(self, path: Path) -> bool:
        return path in self._attached and self._attached[path].leases > 0

    def trim(self, keep: set[Path]) -> None:
        """Detach what nobody reads but `keep`, and give cached memory back."""
        with self._change:
            for path in [path for path in self._attached if path not in keep and not self._leased(path)]:
                self._detach(path)
            if not any(each.leases for each in self._attached.values()):
                with suppress(duckdb.OutOfMemoryException):
                    self._connection.execute(f"SET memory_limit = '{_SMALL}'")
                self._connection.execute(f"SET memory_limit = '{self._policy.memory // 2**20}MB'")

    def renew(self) -> None:
        """Begin again with a new instance: DuckDB refuses to go on after some errors of a file."""
        with self._change:
            self._attached.clear()
            with suppress(duckdb.Error):
                self._connection.close()
            self._connection = self._open()

    def close(self) -> None:
        """Write everything down and let the files go."""
        with self._change:
            for path in list(self._attached):
                self._detach(path)
            self._connection.close()
