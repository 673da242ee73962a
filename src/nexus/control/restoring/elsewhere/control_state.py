"""The control loop's file out of a backup, for a home where nothing runs yet."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

# What ran, what was under way and who held what, on a machine or in a home that is not this one.
GONE = ("instances", "predecessors", "tasks", "lease", "seat")
FORGOTTEN = (
    "stack",
    "wanted",
    "candidates",
    "offset",
    "standby",
    "standby former",
    "standby failover",
    "standby nodes",
)


def settle(database: Path) -> None:
    """Forgets what was of the former place; releases, their history and the trail stay.

    Raises:
        sqlite3.Error: the file is damaged.
    """
    if not database.exists():
        return
    with closing(sqlite3.connect(database)) as state:
        there = {name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for name in GONE:
            if name in there:
                state.execute(f'DELETE FROM "{name}"')
        if "settings" in there:
            marks = ", ".join("?" * len(FORGOTTEN))
            state.execute(f"DELETE FROM settings WHERE name IN ({marks})", FORGOTTEN)
        state.commit()
    database.chmod(0o600)
