"""A base backup as a stream: all of a cluster's files as one tar, with the WAL that makes them consistent,
and PostgreSQL's own manifest of them (manual, 54.4, BASE_BACKUP).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import psutil

from nexus.migrations.quoting import literal
from nexus.recovery.backups.server import APPLICATION
from nexus.recovery.backups.walsender import Walsender, means_something
from nexus.recovery.errors import RecoveryFailed
from nexus.recovery.sealing import yielding

_DATA, _MANIFEST = b"d", b"m"  # what a piece of the copy is


@dataclass(frozen=True)
class Wish:
    """What is asked for. `checkpoint`: fast or spread. `parent`: PostgreSQL's manifest of the backup that an
    incremental one builds on, `max_rate`: KB a second at most, both None for none.
    """

    label: str
    checkpoint: str
    parent: bytes | None = None
    max_rate: int | None = None

    @property
    def statement(self) -> str:
        """As the replication protocol has it."""
        options = [
            f"LABEL {literal(self.label)}",
            f"CHECKPOINT '{self.checkpoint}'",
            "WAL true",
            "MANIFEST 'yes'",
            "MANIFEST_CHECKSUMS 'CRC32C'",
        ]
        options += [f"MAX_RATE {self.max_rate}"] if self.max_rate else []
        options += ["INCREMENTAL true"] if self.parent is not None else []
        return f"BASE_BACKUP ({', '.join(options)})"


@dataclass
class Copying:
    """One that runs. `manifest`: PostgreSQL's, whole when the tar has ended."""

    _sender: Walsender
    _wish: Wish
    manifest: bytes = b""
    _left: int = 0  # bytes of the tar that the present message still has
    _begun: bool = False
    _ended: bool = False
    _what: memoryview = field(default_factory=lambda: memoryview(bytearray(1)))
    _working: asyncio.Task[int] | None = None

    async def read(self, into: memoryview) -> int:
        """Fills a buffer; fewer bytes only at the end of the tar.

        Raises:
            RecoveryFailed: the server says that it cannot go on, or hangs up.
        """
        self._working = asyncio.create_task(asyncio.to_thread(self._read, into))
        return await asyncio.shield(self._working)  # a thread cannot be cancelled, only starved

    async def end(self) -> None:
        """Hangs up, and waits until nobody reads any more."""
        self._sender.interrupt()
        if self._working is not None:
            await asyncio.gather(self._working, return_exceptions=True)
        self._sender.close()

    def _read(self, into: memoryview) -> int:
        if not self._begun:
            self._begin()
        filled = 0
        while filled < len(into) and not self._ended:
            if not self._left:
                self._next()
                continue
            count = min(self._left, len(into) - filled)
            self._sender.fill(into[filled : filled + count])
            filled += count
            self._left -= count
        return filled

    def _begin(self) -> None:
        self._begun = True
        if self._wish.parent is not None:
            self._sender.send("UPLOAD_MANIFEST")
            self._sender.rows()
            self._sender.upload(self._wish.parent)
            self._sender.until_ready()
        self._sender.send(self._wish.statement)
        self._sender.rows()  # where it begins
        tablespaces = self._sender.rows()
        if len(tablespaces) != 1:
            raise RecoveryFailed("the server has tablespaces, which backups do not hold")
        self._sender.rows()  # the copy

    def _next(self) -> None:
        """Up to the next bytes of the tar, or its end."""
        manifest: bytearray | None = None
        while True:
            kind, length = self._sender.head()
            if kind == b"d":
                self._sender.fill(self._what)
                what, length = bytes(self._what), length - 1
                if what == _DATA and manifest is None:
                    self._left = length
                    return
            body = bytearray(length)
            self._sender.fill(memoryview(body))
            if kind == b"c":
                self._ended = True
                self.manifest = bytes(manifest or b"")
                self._sender.until_ready()
                return
            if kind != b"d":
                means_something(kind, body)
            elif what == _MANIFEST:
                manifest = bytearray()
            elif what == _DATA and manifest is not None:
                manifest += body


@contextlib.asynccontextmanager
async def copying(url: str, wish: Wish, nice: int = 0) -> AsyncIterator[Copying]:
    """A base backup of the server that `url` (a superuser's) names, as long as the block runs. `nice`: how
    much the server's process that sends it stands back.

    The WAL comes last within the tar: whoever calls keeps it from being recycled meanwhile (a slot).

    Raises:
        RecoveryFailed: the server is away, or refuses us.
    """
    sender = await asyncio.to_thread(Walsender.connect, url, APPLICATION)
    running = Copying(sender, wish)
    try:
        if nice:
            await asyncio.to_thread(stand_back, sender.pid, nice)
        yield running
    finally:
        await running.end()


def stand_back(pid: int, nice: int) -> bool:
    """Makes the server's process that sends the files yield to those of users, where it runs beside us.

    It holds no lock that others wait for while it reads (backend/backup/basebackup.c).
    """
    try:
        process = psutil.Process(pid)
        if "walsender" not in " ".join(process.cmdline()):
            return False  # the pid is one of a container
        yielding.stand_back(pid, nice)
        if hasattr(process, "ionice"):
            process.ionice(psutil.IOPRIO_CLASS_BE, 7)
    except (psutil.Error, OSError):
        return False
    return True


def kilobytes(rate: int | None) -> int | None:
    """Bytes a second in the protocol's unit (MAX_RATE); None: as fast as it goes."""
    return None if rate is None else rate // 1024
