"""Prisma's folder format: `<timestamp>_<name>/migration.sql`, and `migration_lock.toml` beside them.

As Prisma reads it: files beside the folders, and links to folders, are no migrations; the provider is told by
the first line of the lock file that begins with `provider`.
"""

from __future__ import annotations

import os
from pathlib import Path

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import SCRIPT, Migration
from nexus.migrations.reading.file import read_file
from nexus.migrations.reading.order import by_locale

LOCK_FILE = "migration_lock.toml"
PROVIDERS = ("postgresql", "postgres")


def read_folder(folder: Path) -> tuple[Migration, ...]:
    """The migrations of a folder, in the order in which they are applied.

    Raises:
        MigrationUnreadable: there is no such folder, it is another database's (P3019), a migration has no
            script (P3015), or one is not to be read.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        raise MigrationUnreadable(
            f"{folder}: there is no such folder; create it or correct database.migrations.path"
        ) from None
    except OSError as error:
        raise MigrationUnreadable(f"{folder}: {error.strerror}") from None
    _check_lock_file(folder / LOCK_FILE)
    return tuple(_read(folder / name) for name in sorted(names, key=by_locale))


def _read(entry: Path) -> Migration:
    try:
        return read_file(entry.name, entry / SCRIPT)
    except FileNotFoundError:
        raise MigrationUnreadable(
            f"{entry}: {SCRIPT} is missing; add it or delete the folder", "P3015"
        ) from None


def _check_lock_file(path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise MigrationUnreadable(f"{path}: {error.strerror}") from None
    told = [line for line in text.splitlines() if line.startswith("provider")]
    if not told:
        raise MigrationUnreadable(f'{path}: it tells no provider; write provider = "postgresql"', "P3019")
    provider = told[0].removeprefix("provider").strip(" \t=").strip("\"'")
    if provider not in PROVIDERS:
        raise MigrationUnreadable(
            f'{path}: the provider is {provider!r}; only "postgresql" is supported: write them anew',
            "P3019",
        )
