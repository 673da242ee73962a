"""The tables that are compared: what a table of then and one of now have in common. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery.errors import MergeRefused
from nexus.recovery.merging.tables import Column, Table
from nexus.stack.errors import suggest

# Of the chassis of modules and of tools that migrate: they tell of the present (docs/module-contract.md).
OWN = re.compile(r"^(outbox|inbox|event_cursor|idempotency|_prisma_migrations|nexus_.*)$")

ROUNDED = ("numeric", "timestamp with time zone", "timestamp without time zone", "interval")


@dataclass(frozen=True)
class Pair:
    """One table, then and now. `columns` are in both and can be written, in the order of now."""

    then: Table
    now: Table
    columns: tuple[Column, ...]
    notes: tuple[Sentence, ...] = ()

    @property
    def name(self) -> str:
        """What both are called."""
        return self.now.name

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell rows apart."""
        return self.now.key

    @property
    def compared(self) -> tuple[Column, ...]:
        """The columns whose values may differ: neither the key's, nor numbers only the server gives out."""
        return tuple(each for each in self.columns if each.name not in self.key and not each.always)

    def recast(self, column: Column) -> str:
        """The type that a value of then is brought to; "" where it is the same."""
        before = self.then.column(column.name)
        if before is None or before.declared == column.declared:
            return ""
        return column.declared if column.type in ROUNDED else column.type


def pair_tables(
    then: Mapping[str, Table], now: Mapping[str, Table], chosen: Sequence[str] = ()
) -> tuple[tuple[Pair, ...], tuple[Sentence, ...]]:
    """The pairs, of all tables or of those that were `chosen`, and what an operator should know.

    Raises:
        MergeRefused: a chosen table cannot be compared; says why.
    """
    for name in chosen:
        if OWN.match(name):
            raise MergeRefused(
                f"rows of {name} are never brought back: they tell which events were sent and handled, and "
                "that did happen; name the tables of the business"
            )
        if name not in then and name not in now:
            known = sorted(each for each in now if not OWN.match(each))
            raise MergeRefused(f"there is no table {name}, neither then nor now; {suggest(name, known)}")
    pairs, notes = [], []
    for name in chosen or sorted(name for name in {*then, *now} if not OWN.match(name)):
        why = _why_not(name, then.get(name), now.get(name))
        if why is None:
            pairs.append(_pair(then[name], now[name]))
        elif chosen:
            raise MergeRefused(str(why))
        else:
            notes.append(why)
    return tuple(pairs), tuple(notes)


def _why_not(name: str, then: Table | None, now: Table | None) -> Sentence | None:
    if now is None:
        return Sentence(
            "table {table} was dropped since: its rows have nowhere to go. `nexus restore --into FOLDER` "
            "brings it beside, from where pg_dump takes it",
            table=name,
        )
    if then is None:
        return Sentence("table {table} was made since: there is nothing to bring back", table=name)
    if not now.key:
        return Sentence(
            "table {table} has no primary key and no unique columns that are never empty: its rows cannot be "
            "told apart, so none can be brought back alone",
            table=name,
        )
    missing = [each for each in now.key if then.column(each) is None]
    if missing:
        return Sentence(
            "table {table}: column {columns} of its key was not there then: its rows cannot be found again",
            table=name,
            columns=", ".join(missing),
        )
    return None


def _pair(then: Table, now: Table) -> Pair:
    there = {each.name: each for each in then.columns}
    both = tuple(each for each in now.columns if each.name in there and not each.generated)
    notes = []
    for each in now.columns:
        before = there.get(each.name)
        if before is None and not each.generated:
            notes.append(
                Sentence(
                    "{table}.{column} was added (or renamed) since: rows that come back have its default",
                    table=now.name,
                    column=each.name,
                )
            )
        elif before is not None and before.declared != each.declared:
            notes.append(
                Sentence(
                    "{table}.{column} was {before} and is {after}: values are cast",
                    table=now.name,
                    column=each.name,
                    before=before.declared,
                    after=each.declared,
                )
            )
    for name, each in there.items():
        if now.column(name) is None and not each.generated:
            notes.append(
                Sentence(
                    "{table}.{column} was removed (or renamed) since: its values do not come back",
                    table=now.name,
                    column=name,
                )
            )
    return Pair(then, now, both, tuple(notes))
