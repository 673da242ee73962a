"""Seals a past day: its rows are written anew, sorted, and take the old file's place at once."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.telemetry.store.days import Day
from nexus.telemetry.store.layout import LAYOUTS

if TYPE_CHECKING:
    from nexus.telemetry.store.store import Store

_NEW = "sealing"
_MOMENT = 1.0  # seconds for which a commit may be kept waiting


def seal(store: Store, day: Day, writing: threading.RLock) -> list[str]:
    """Rewrite a file that is no longer written to. A kill at any moment leaves the old or the new one whole.

    `writing` is held by whoever commits. Returns what was done; nothing when the disk lacks the room, a query
    reads the file for too long or a late batch came into it: the next call tries again. Raises duckdb.Error,
    DayGone.
    """
    before, seq = day.size, day.seq
    if shutil.disk_usage(store.folder).free < 2 * before:
        return []
    path = day.path.with_name(f"{day.path.name}.sealing")
    _remove(path)
    try:
        if not _rewrite(store, day, path):
            return []
        with store.engine.alone(day) as free:  # writers go on while readers are waited for
            if not free:
                return []
        with writing, store.engine.alone(day, _MOMENT) as free:
            if not free or day.wal.exists() or day.seq != seq:
                return []
            os.replace(path, day.path)
            _sync(day.path.parent)
    finally:
        _remove(path)
    day.sealed = True
    store.catalogue.sealed(day)
    return [f"sealed {day.title}: {before / 2**20:.1f} → {day.size / 2**20:.1f} MiB, {day.rows} rows"]


def _rewrite(store: Store, day: Day, path: Path) -> bool:
    """Write the sorted copy to `path`; whether it holds every row."""
    layout = LAYOUTS[day.signal]
    with store.engine.lease(day, writable=True) as old:
        cursor = store.engine.cursor()
        store.engine.attach(path, _NEW, layout.block, writable=True)
        try:
            for table in layout.tables:
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {old}.{table}")
            cursor.execute(f"CHECKPOINT {old}")
            cursor.begin()
            for number, table in enumerate(layout.tables):
                name = table.partition("(")[0]
                order = "" if number else f" ORDER BY {layout.order}"
                cursor.execute(f"CREATE TABLE {_NEW}.{table}")
                cursor.execute(f"INSERT INTO {_NEW}.{name} FROM {old}.{name}{order}")
            cursor.commit()
            cursor.execute(f"CHECKPOINT {_NEW}")
            counts = f"SELECT (SELECT count(*) FROM {old}.rows), (SELECT count(*) FROM {_NEW}.rows)"
            was, now = cursor.execute(counts).fetchall()[0]
        finally:
            cursor.close()
            store.engine.detach(_NEW)
    return bool(was == now)


def _remove(path: Path) -> None:
    for each in (path, path.with_name(f"{path.name}.wal")):
        each.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
