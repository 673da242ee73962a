"""What Prisma's rules say to a row that is to say something else: pure, over values that were read.

The rules are those of prisma-engines: mark_migration_applied.rs and mark_migration_rolled_back.rs.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from nexus.migrations.errors import HistoryBroken
from nexus.migrations.history.state import Row
from nexus.migrations.migration import Migration, Source


def in_folder(source: Source, migrations: Sequence[Migration], name: str) -> Migration:
    """The migration of that name.

    Raises:
        HistoryBroken: the folder has none (P3017).
    """
    found = next((each for each in migrations if each.name == name), None)
    if found is None:
        names = [each.name for each in migrations]
        alike = get_close_matches(name, names, 1) or [each for each in names if name and name in each]
        hint = f"; did you mean {alike[0]}?" if alike else f"; the newest is {names[-1]}" if names else ""
        raise HistoryBroken(f"{source.folder}: there is no migration {name} in it{hint}", "P3017")
    return found


def check_made(source: Source, made: bool) -> None:
    """Raises HistoryBroken where the schema is not there."""
    if not made:
        raise HistoryBroken(
            f"{source.schema}: there is no such schema in this database; `nexus up` makes it, and then "
            "applies all of the migrations"
        )


def check_applied(source: Source, rows: Sequence[Row], name: str) -> None:
    """Whether a migration may be recorded as applied.

    Raises:
        HistoryBroken: it is (P3008).
    """
    if any(row.name == name and row.finished_at is not None for row in rows):
        raise HistoryBroken(
            f"{source.schema}: migration {name} is recorded as applied already; nothing is to be done",
            "P3008",
        )


def check_rolled_back(source: Source, rows: Sequence[Row], name: str) -> None:
    """Whether a migration may be recorded as rolled back; one that is so already stays so.

    Raises:
        HistoryBroken: it was never begun (P3011), or did not fail (P3012).
    """
    of_it = [row for row in rows if row.name == name]
    if not of_it:
        begun = ", ".join(row.name for row in rows if row.state in ("failed", "running"))
        hint = f"failed ones: {begun}" if begun else "none has failed"
        raise HistoryBroken(
            f"{source.schema}: migration {name} cannot be rolled back: it was never applied here; {hint}",
            "P3011",
        )
    if all(row.finished_at is not None for row in of_it):
        raise HistoryBroken(
            f"{source.schema}: migration {name} cannot be rolled back: it did not fail; to take back "
            f"what it made, see `nexus migrate undo` or write a new migration",
            "P3012",
        )


def check_empty(source: Source, rows: Sequence[Row]) -> None:
    """Whether a schema may be recorded as made already.

    Raises:
        HistoryBroken: there is a record (P3008).
    """
    if rows:
        raise HistoryBroken(
            f"{source.schema}: there is a record of migrations already ({len(rows)} rows, the last "
            f"{rows[-1].name}); mark single ones: `nexus migrate resolve {source.module} --applied NAME`",
            "P3008",
        )


def check_edited(source: Source, rows: Sequence[Row], migration: Migration) -> None:
    """Whether a file that was edited may be recorded as what was applied.

    Raises:
        HistoryBroken: it is not applied (P3011), or is what was applied.
    """
    applied = [row for row in rows if row.name == migration.name and row.state == "applied"]
    if not applied:
        raise HistoryBroken(
            f"{source.schema}: migration {migration.name} is not applied: there is nothing to compare its "
            "file with; apply it",
            "P3011",
        )
    if migration.has_checksum(applied[-1].checksum):
        raise HistoryBroken(
            f"{source.schema}: the file of migration {migration.name} is what was applied; nothing is to be "
            "done"
        )
