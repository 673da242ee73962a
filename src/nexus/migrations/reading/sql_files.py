"""Plain SQL files in one folder: `001_name.sql`, or Flyway's `V1.2__name.sql`; the name is the file's stem.

Files that take something back or run again and again are refused: a migration is applied once, and what is
wrong with it is mended by the next.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Migration
from nexus.migrations.reading.file import read_file
from nexus.migrations.reading.order import by_number, version_of

_FLYWAY = re.compile(r"V\d+(?:[._]\d+)*__.")
_REFUSED = (
    (
        re.compile(r"(?:U\d.*__.*|.*[._]down)$"),
        "it undoes a migration; delete it: `nexus migrate undo` finds the inverse, or write a new migration",
    ),
    (
        re.compile(r"R__"),
        "it is a repeatable migration, which nothing here repeats; put its text into a new migration "
        "whenever it changes",
    ),
    (
        re.compile(r"(?:before|after)[A-Z]\w*$"),
        "it is a callback of Flyway, which nothing here calls; put its text into a migration",
    ),
)
_SECTION = re.compile(r"^--\s*(?:\+goose\s+down|migrate:down)\b", re.IGNORECASE | re.MULTILINE)


def read_files(folder: Path) -> tuple[Migration, ...]:
    """The migrations of a folder, in the order in which they are applied.

    Raises:
        MigrationUnreadable: there is no such folder, two files have the same version, or one cannot be read.
    """
    if not folder.is_dir():
        raise MigrationUnreadable(
            f"{folder}: there is no such folder; create it or correct database.migrations.path"
        )
    files = [each for each in folder.glob("*.sql") if each.is_file() and not each.name.startswith(".")]
    for file in files:
        _check_name(file)
    files.sort(key=lambda file: by_number(file.stem))
    _check_versions(files)
    return tuple(_read(file) for file in files)


def _check_name(file: Path) -> None:
    for shape, reason in _REFUSED:
        if shape.match(file.stem):
            raise MigrationUnreadable(f"{file}: {reason}")


def _check_versions(files: list[Path]) -> None:
    flyway = [file for file in files if _FLYWAY.match(file.stem)]
    others = [file for file in files if file not in flyway]
    if flyway and others:
        raise MigrationUnreadable(
            f"{others[0]}: {flyway[0].name} beside it is named as Flyway names files, this one is not; "
            "give it a version: V3__name.sql"
        )
    for before, after in pairwise(flyway):
        if version_of(before.stem) == version_of(after.stem):
            raise MigrationUnreadable(
                f"{after}: it has the version of {before.name}; give the newer of them a higher one"
            )


def _read(file: Path) -> Migration:
    try:
        migration = read_file(file.stem, file)
    except FileNotFoundError:
        raise MigrationUnreadable(f"{file}: it went away while it was read; try again") from None
    section = _SECTION.search(migration.sql)
    if section:
        line = 1 + migration.sql.count("\n", 0, section.start())
        raise MigrationUnreadable(
            f"{file}:{line}: what follows undoes the migration and would run with it; delete it"
        )
    return migration
