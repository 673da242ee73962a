"""The two locks by which there is one control loop and one guard; each file holds its owner's pid."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import TextIO


def private(path: str | Path, flags: int) -> int:
    """Opens a lock file that only its owner may open: who can open it can hold it."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def hold(path: Path, patience: float) -> TextIO | None:
    """Takes the lock for as long as the returned file stays open; None when another process keeps it."""
    handle = open(path, "a", opener=private)  # noqa: SIM115 - the open file is the lock
    give_up = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > give_up:
                handle.close()
                return None
            time.sleep(0.01)
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    if not path.exists():
        return False
    with open(path) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def owner(path: Path) -> int | None:
    """The pid of the lock's holder; None when nobody holds it."""
    if not held(path):
        return None
    text = path.read_text().strip()
    return int(text) if text.isdigit() else None
