"""One at a time: locks that their holder's death releases, with the holder's name in them.

Backups and pruning exclude each other, for what a backup builds on must stay. Whoever reads backups, be it
for days, keeps pruning away, and nobody else: the lock of readers is shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

from nexus.recovery.errors import RecoveryFailed

BACKUP, READING = "backup.lock", "reading.lock"
POLL = 0.5  # seconds


class Busy(RecoveryFailed):
    """Another process is at it."""


@contextlib.contextmanager
def turn(path: Path, what: str) -> Iterator[None]:
    """Holds the lock while the block runs.

    Raises:
        Busy: another process holds it; says which, since when, and what it does.
    """
    with _locked(path, what, fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def pruning(folder: Path) -> Iterator[None]:
    """While the block runs nobody takes a backup, nor reads one. `folder`: of recovery in the home.

    Raises:
        Busy: somebody does now; says who.
    """
    with turn(folder / BACKUP, "pruning"), turn(folder / READING, "pruning"):
        yield


@contextlib.asynccontextmanager
async def reading(folder: Path, what: str) -> AsyncIterator[None]:
    """While the block runs nothing is pruned; one that is under way is waited for. Many may read at once.
    `folder`: of recovery in the home; `what` they do.
    """
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(_locked(folder / READING, what, fcntl.LOCK_SH))
                break
            except Busy:
                await asyncio.sleep(POLL)
        yield


@contextlib.contextmanager
def _locked(path: Path, what: str, how: int) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{_holder(file.read())}; wait until it has ended, or end it") from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "since": time.time(), "what": what}))
        file.flush()
        yield


def _holder(text: str) -> str:
    try:
        told = json.loads(text)
        since = datetime.fromtimestamp(told["since"], UTC).astimezone()
        return f"process {told['pid']} has been at {told['what']} since {since:%Y-%m-%d %H:%M:%S}"
    except (ValueError, KeyError, TypeError):  # it has only just begun
        return "another process is at it"
