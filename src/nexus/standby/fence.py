"""Fencing: a server that lost its seat cannot write, however it is woken or started.

Every process that works in its data folder is killed, stopped ones too; the postmaster's death alone would
leave backends that finish their transactions (each leads a session of its own). Then the folder is marked:
Nexus refuses to start it, and PostgreSQL itself, started by hand, comes up as a standby that only reads
(`standby.signal`, PostgreSQL manual, 26.2.2).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import psutil

from nexus.runtimes.process import accounts
from nexus.runtimes.process.fenced import MARK
from nexus.runtimes.protocol import Account
from nexus.standby.errors import NotFenced

SIGNAL = "standby.signal"
LOCK = "postmaster.pid"
PROGRAMS = ("postgres", "pg_")  # an operator's shell in the folder is none of them
LIMIT = 10.0  # seconds that the kernel may take to end what was killed
POLL = 0.01


def working_in(folder: Path) -> tuple[int, ...]:
    """PostgreSQL's processes whose working folder is `folder` or lies within, as a server's all do.

    Raises:
        NotFenced: of one nobody may know where it works, and it may be there.
    """
    wanted = os.path.realpath(folder)
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.name().startswith(PROGRAMS)
            if not ours or process.status() == psutil.STATUS_ZOMBIE:
                continue
            where = process.cwd()
        except psutil.AccessDenied as error:
            if may_serve(process, folder):
                raise NotFenced(
                    f"process {process.pid} is PostgreSQL's, and where it works cannot be read: it may be "
                    f"{folder}. End it, or run Nexus as its user or as root"
                ) from error
            continue
        except (psutil.Error, OSError):  # it has ended
            continue
        if where == wanted or where.startswith(wanted + os.sep):
            found.append(process.pid)
    return tuple(found)


def may_serve(process: psutil.Process, folder: Path) -> bool:
    """Whether a process may be a server of a folder: that must belong to its user, or PostgreSQL refuses. One
    that is gone was ours.
    """
    try:
        owner = folder.stat().st_uid if folder.exists() else os.getuid()
        return process.uids().effective == owner
    except psutil.NoSuchProcess:
        return False


async def clear(folder: Path, limit: float = LIMIT) -> int:
    """Kills whatever works in a folder; returns how many processes that were, when none is left. The lock
    file goes too: another process may have its number by now.

    Raises:
        NotFenced: one does not end within `limit` seconds, for example because its disk hangs; or nobody may
            know where one works.
    """
    give_up, killed = time.monotonic() + limit, set[int]()
    while found := working_in(folder):
        for pid in found:
            _kill(pid)
        killed.update(found)
        if time.monotonic() > give_up:
            raise NotFenced(
                f"processes {', '.join(map(str, found))} still work in {folder} though they were killed; "
                "nothing takes their place before they have ended (does the disk hang?)"
            )
        await asyncio.sleep(POLL)
    (folder / LOCK).unlink(missing_ok=True)
    return len(killed)


def forget_sockets(folder: Path, data: Path) -> None:
    """Removes the Unix sockets that a server of `data`, which is gone, left in a folder: another process may
    have its number by now, for which PostgreSQL would take it.
    """
    for lock in folder.glob(".s.PGSQL.*.lock"):
        told = lock.read_text(encoding="utf-8").split("\n")
        if len(told) > 1 and Path(told[1]) == data:
            lock.unlink(missing_ok=True)
            lock.with_suffix("").unlink(missing_ok=True)


def mark(data: Path, why: str, account: Account | None) -> None:
    """From now on, the folder is not served any more."""
    accounts.private_file(data / SIGNAL, "", account)
    accounts.private_file(data / MARK, why + "\n", account)
    _sync(data)


def lift(data: Path) -> None:
    """The folder may be served again, as what the caller makes of it: the signal goes with the mark."""
    (data / SIGNAL).unlink(missing_ok=True)
    (data / MARK).unlink(missing_ok=True)
    _sync(data)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _sync(data: Path) -> None:
    """Has the folder's entries survive a loss of power."""
    descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
