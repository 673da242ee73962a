"""What lies where in `HOME/recovery`, as far as it is the stream's.

stream.json                how it is (StreamStatus)
memory.json                what it must know after its end: the gap, when which WAL was written
stream.lock                held by the one process
receiver.json              its pg_receivewal
wal/SYSTEM/00001 …         folders of pg_receivewal's, by the cluster's identifier; it writes to the last
scratch                    what is on its way into a place
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from nexus.runtimes.home import Home


def root(home: Home) -> Path:
    """The folder; others can walk through it, as the server's user must."""
    path = home.root / "recovery"
    mode = 0o711 if os.geteuid() == 0 else 0o700
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    path.chmod(mode)
    return path


def status(home: Home) -> Path:
    """How the stream is."""
    return home.root / "recovery" / "stream.json"


def memory(home: Home) -> Path:
    """What the next process must know."""
    return home.root / "recovery" / "memory.json"


def lock(home: Home) -> Path:
    """Held by the one process that keeps the stream."""
    return home.root / "recovery" / "stream.lock"


def receiver(home: Home) -> Path:
    """Which process receives."""
    return home.root / "recovery" / "receiver.json"


def scratch(home: Home) -> Path:
    """What is on its way into a place."""
    return home.root / "recovery" / "scratch" / "stream"


def wal(home: Home) -> Path:
    """What was received, one folder per cluster."""
    return home.root / "recovery" / "wal"


def systems(home: Home) -> tuple[str, ...]:
    """The clusters of which there is something received."""
    path = wal(home)
    return tuple(sorted(each.name for each in path.iterdir() if each.is_dir())) if path.exists() else ()


def folders(home: Home, system: str) -> tuple[Path, ...]:
    """The folders of a cluster, oldest first; the last one is written to."""
    path = wal(home) / system
    return tuple(sorted(each for each in path.iterdir() if each.name.isdigit())) if path.exists() else ()


def fresh(home: Home, system: str) -> Path:
    """The name of one folder more; it is not made yet."""
    kept = folders(home, system)
    return wal(home) / system / f"{int(kept[-1].name) + 1 if kept else 1:05d}"


def known_system(home: Home) -> str:
    """The cluster that was streamed last; "" where nobody knows."""
    try:
        return str(json.loads(status(home).read_text())["system"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def drop_left(home: Home, system: str) -> None:
    """Removes the folders of other clusters from which all was sealed, and passwords in those that stay."""
    for each in (wal(home) / name for name in systems(home) if name != system):
        for file in each.glob("pgpass.*"):
            file.unlink()
        with contextlib.suppress(OSError):  # what could not be sealed is there
            each.rmdir()
