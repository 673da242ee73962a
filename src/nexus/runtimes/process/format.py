"""The format of the control loop's SQLite file: its `user_version`, and the way from older ones."""

from __future__ import annotations

from pathlib import Path

from nexus.plans.store import Store
from nexus.runtimes.home import HomeError

FORMAT = 1  # 0 is what was written before files had a version
FIRST_UID_OF_0 = "61000"


def renew(store: Store, path: Path) -> None:
    """Brings the tables of an older file to the present format.

    Raises:
        HomeError: a newer Nexus wrote it.
    """
    version = _version(store)
    if version > FORMAT:
        raise HomeError(
            f"{path} was written by a newer Nexus (format {version}, this one knows {FORMAT}); "
            "run the newer one"
        )
    if version == FORMAT:
        return
    with store.exclusive():
        if _version(store) == 0:
            _from_0(store)
        store.execute(f"PRAGMA user_version = {FORMAT}")


def _version(store: Store) -> int:
    return int(store.query("PRAGMA user_version")[0][0])


def _from_0(store: Store) -> None:
    if "knows" not in {row[1] for row in store.query("PRAGMA table_info(instances)")}:
        store.execute("ALTER TABLE instances ADD COLUMN knows TEXT NOT NULL DEFAULT ''")
    store.execute(
        "INSERT OR IGNORE INTO settings SELECT 'first_uid', ? WHERE EXISTS (SELECT 1 FROM accounts)",
        (FIRST_UID_OF_0,),
    )
