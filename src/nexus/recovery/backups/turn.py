"""One backup at a time: a lock that its holder's death releases, with the holder's name in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from nexus.recovery.errors import RecoveryFailed


@contextlib.contextmanager
def turn(path: Path, what: str) -> Iterator[None]:
    """Holds the lock while the block runs.

    Raises:
        RecoveryFailed: another process holds it; says which, since when, and what it does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RecoveryFailed(f"{_holder(file.read())}; wait until it has ended, or end it") from None
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
