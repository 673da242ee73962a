"""What stands between a folder and a record: pure judgement over values that were read.

Prisma stops at unfinished rows (P3009) and a schema that it does not know (P3005). Where it is silent we are
stricter: what was applied may not change, vanish from the folder, or be overtaken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nexus.migrations.history.state import Problem, Row
from nexus.migrations.migration import Migration, Source
from nexus.migrations.reading import order_of

_TODO = ". Correct what is not done"  # begins what our log of a run that failed half-way says of how to go on


@dataclass(frozen=True)
class Record:
    """What the database says. `filled`: relations of a schema that has no record ("" = none). `ours`: ids of
    rows that Nexus began and has not ended. `busy`: the process that holds the lock now.
    """

    rows: tuple[Row, ...] = ()
    ours: frozenset[str] = frozenset()
    filled: str = ""
    busy: int | None = None


def applied_of(rows: Sequence[Row]) -> dict[str, Row]:
    """The rows that count, by migration; where several do, the latest."""
    return {row.name: row for row in rows if row.state == "applied"}


def resumable_of(record: Record) -> frozenset[str]:
    """The migrations that Nexus was interrupted in and goes on with."""
    return frozenset(row.name for row in record.rows if row.state == "running" and row.id in record.ours)


def edited_of(migrations: Sequence[Migration], applied: Mapping[str, Row]) -> tuple[Migration, ...]:
    """The migrations whose file is not what was applied."""
    return tuple(
        each
        for each in migrations
        if each.name in applied and not each.has_checksum(applied[each.name].checksum)
    )


def missing_of(
    source: Source, migrations: Sequence[Migration], applied: Mapping[str, Row]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is applied and not in the folder, in order: what is missing in it, and what is ahead of it."""
    key = order_of(source.format)
    here = {each.name for each in migrations}
    gone = sorted(applied.keys() - here, key=key)
    if not migrations:
        return (), tuple(gone)
    last = key(migrations[-1].name)
    return tuple(each for each in gone if key(each) < last), tuple(each for each in gone if key(each) > last)


def judge(
    source: Source, migrations: Sequence[Migration], record: Record, diffs: Mapping[str, str]
) -> tuple[Problem, ...]:
    """The problems of a module, the ones that Prisma has too first. `diffs`: of edited and vanished ones."""
    if record.filled and migrations:
        return (_baseline(source, record.filled),)
    applied = applied_of(record.rows)
    return (
        *(_unfinished(source, row, record) for row in _open(record)),
        *(
            _edited(source, each, applied[each.name], diffs.get(each.name, ""))
            for each in edited_of(migrations, applied)
        ),
        *_vanished(source, migrations, applied, diffs),
        *_overtaken(source, migrations, applied, resumable_of(record)),
    )


def _open(record: Record) -> Iterator[Row]:
    for row in record.rows:
        if row.state == "failed" or (row.state == "running" and row.id not in record.ours):
            yield row


def _unfinished(source: Source, row: Row, record: Record) -> Problem:
    command = f"nexus migrate resolve {source.module}"
    resolve = (
        f"look at what it left; undo that and run `{command} --rolled-back {row.name}`, or complete it by "
        f"hand and run `{command} --applied {row.name}`"
    )
    since = f"{row.started_at:%Y-%m-%d %H:%M:%S} UTC"
    if row.state == "failed":
        logs, half, _ = (row.logs or "").partition(_TODO)
        if half:
            resolve = (
                f"correct what is not done and run `{command} --resume {row.name}`; or take back all that it "
                f"did and run `{command} --rolled-back {row.name}`; or complete it by hand and run "
                f"`{command} --applied {row.name}`"
            )
        what = f"{source.schema}: migration {row.name} failed at {since}: {logs.strip().rstrip('.')}"
        return Problem("failed", row.name, what, resolve, "P3009")
    if record.busy is not None:
        return Problem(
            "interrupted",
            row.name,
            f"{source.schema}: migration {row.name} has run since {since}, it seems in session {record.busy}",
            f"wait for its end; should that session end without it, {resolve}",
            "P3009",
        )
    what = f"{source.schema}: migration {row.name}, begun at {since} by another tool, never came to its end"
    return Problem("interrupted", row.name, what, resolve, "P3009")


def _baseline(source: Source, filled: str) -> Problem:
    return Problem(
        "baseline",
        "",
        f"{source.schema}: the schema is not empty ({filled}) and has no record of migrations",
        f"say up to which migration it is made: `nexus migrate baseline {source.module} --to NAME`",
        "P3005",
    )


def _edited(source: Source, migration: Migration, row: Row, diff: str) -> Problem:
    sentence = (
        f"{source.schema}: migration {migration.name} was edited after it had been applied "
        f"(applied {row.checksum[:12]}, {migration.place} {migration.checksum[:12]})"
    )
    mend = (
        "restore its file and put the change into a new migration; or, when the file says what is in the "
        f"database, record it: `nexus migrate resolve {source.module} --edited {migration.name}`"
    )
    return Problem("edited", migration.name, sentence, mend, "", diff)


def _vanished(
    source: Source, migrations: Sequence[Migration], applied: Mapping[str, Row], diffs: Mapping[str, str]
) -> Iterator[Problem]:
    missing, ahead = missing_of(source, migrations, applied)
    for name in missing:
        sentence = (
            f"{source.schema}: migration {name} is applied, but its file is gone from {source.folder}, while "
            f"the later {migrations[-1].name} is there"
        )
        yield Problem("missing", name, sentence, "restore its file", "", diffs.get(name, ""))
    for name in ahead:
        sentence = (
            f"{source.schema}: migration {name} is applied and not in {source.folder}; a newer release may "
            "have brought it"
        )
        yield Problem("ahead", name, sentence, "nothing is to be done")


def _overtaken(
    source: Source, migrations: Sequence[Migration], applied: Mapping[str, Row], begun: Collection[str]
) -> Iterator[Problem]:
    if not applied:
        return
    key = order_of(source.format)
    last = max(applied, key=key)
    for each in migrations:
        if key(each.name) > key(last):
            return
        if each.name in applied or each.name in begun:
            continue
        yield Problem(
            "out-of-order",
            each.name,
            f"{source.schema}: migration {each.name} is not applied, but {last} is, which comes after it",
            "rename it so that it sorts last (a newer timestamp or a higher number)",
        )
