"""pg_basebackup as one tar on a pipe: all of a cluster's files, the WAL that makes them consistent, and at
its end PostgreSQL's own manifest.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from nexus.postgres import programs
from nexus.recovery.backups.server import APPLICATION
from nexus.recovery.errors import RecoveryFailed
from nexus.runtimes.process.drivers.postgres import binaries
from nexus.runtimes.protocol import Account

PIPE = 1 << 20  # bytes
NICE = 10


@dataclass
class Copying:
    """One that runs. `pipe`: where its tar can be read."""

    pipe: int
    _child: asyncio.subprocess.Process
    _said: asyncio.Task[bytes]
    _reading: asyncio.Task[int] | None = None

    async def read(self, into: memoryview) -> int:
        """Fills a buffer; fewer bytes only at the end of the tar."""
        self._reading = asyncio.create_task(asyncio.to_thread(_fill, self.pipe, into))
        return await asyncio.shield(self._reading)  # its thread cannot be cancelled, only starved

    async def end(self) -> None:
        """Kills it, and waits until nobody reads any more."""
        await programs.end(self._child, signal.SIGKILL)
        if self._reading is not None:
            await asyncio.wait({self._reading})
        await self._said

    async def finished(self) -> None:
        """Waits for its end.

        Raises:
            RecoveryFailed: it failed; its last lines are told.
        """
        code = await self._child.wait()
        if code:
            lines = (await self._said).decode("utf-8", "replace").strip().splitlines()[-programs.LAST_LINES :]
            raise RecoveryFailed(f"pg_basebackup failed: {' / '.join(line.strip() for line in lines)}")


@contextlib.asynccontextmanager
async def copying(
    url: str,
    folder: Path,
    account: Account | None,
    label: str,
    checkpoint: str,
    parent: Path | None = None,
    max_rate: str = "",
) -> AsyncIterator[Copying]:
    """Runs it while the block runs. `folder`: a private one of the account's. `parent`: the manifest of the
    backup that an incremental one builds on.

    The WAL comes last within the tar: whoever calls keeps it from being recycled meanwhile (a slot).
    """
    passwords = programs.password_file(folder, url, account)
    command = (
        *programs.NICE,
        str(binaries() / "pg_basebackup"),
        *programs.connection(url),
        *("-D", "-", "--format=tar", "--wal-method=fetch", "--no-sync", f"--label={label}"),
        *(f"--checkpoint={checkpoint}", "--manifest-checksums=CRC32C"),
        *((f"--incremental={parent}",) if parent else ()),
        *((f"--max-rate={max_rate}",) if max_rate else ()),
    )
    end, begin = os.pipe()
    try:
        _enlarge(end)
        env = programs.environment(PGPASSFILE=str(passwords), PGAPPNAME=APPLICATION)
        child = await programs.started(
            command, account, folder, env, False, stdout=begin, stderr=asyncio.subprocess.PIPE
        )
        os.close(begin)
        begin = -1
        assert child.stderr is not None
        said = asyncio.create_task(child.stderr.read(), name="what pg_basebackup says")
        running = Copying(end, child, said)
        try:
            yield running
        finally:
            await running.end()
    finally:
        for each in (end, begin):
            if each >= 0:
                os.close(each)
        passwords.unlink(missing_ok=True)


def stand_back(pid: int) -> bool:
    """Makes the server's process that sends the files yield to those of users, where it runs beside us.

    It holds no lock that others wait for while it reads (backend/backup/basebackup.c).
    """
    try:
        process = psutil.Process(pid)
        if APPLICATION not in " ".join(process.cmdline()) and "walsender" not in " ".join(process.cmdline()):
            return False  # the pid is one of a container
        process.nice(NICE)
        if hasattr(process, "ionice"):
            process.ionice(psutil.IOPRIO_CLASS_BE, 7)
    except (psutil.Error, OSError):
        return False
    return True


def _fill(pipe: int, into: memoryview) -> int:
    filled = 0
    while filled < len(into):
        read = os.readv(pipe, [into[filled:]])
        if not read:
            break
        filled += read
    return filled


def _enlarge(pipe: int) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # a user may have a smaller share of pipes
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
