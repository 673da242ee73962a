"""In which order tables are written: what is referred to first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery.merging.tables import Reference, Table


def ordered(tables: Mapping[str, Table]) -> tuple[tuple[str, ...], tuple[Sentence, ...]]:
    """The names, each behind those that it refers to; and which circles cannot be ordered."""
    waits = {name: {each.to_table for each in _inner(table, tables)} for name, table in tables.items()}
    placed: list[str] = []
    notes: list[Sentence] = []
    while waits:
        ready = sorted(name for name, others in waits.items() if not others & waits.keys())
        if not ready:  # a circle: broken at the table that waits for the fewest
            ready = [min(waits, key=lambda name: (len(waits[name] & waits.keys()), name))]
            rigid = [
                each.name
                for each in _inner(tables[ready[0]], tables)
                if each.to_table in waits and not each.deferrable
            ]
            if rigid:
                notes.append(
                    Sentence(
                        "tables refer to each other in a circle ({names}); rows that need each other at once "
                        "are refused by {constraint}, which is not deferrable",
                        names=", ".join(sorted(waits)),
                        constraint=rigid[0],
                    )
                )
        for name in ready:
            placed.append(name)
            del waits[name]
    return tuple(placed), tuple(notes)


def beside(tables: Mapping[str, Table], chosen: Iterable[str]) -> tuple[Sentence, ...]:
    """Tables that were not chosen, and whose rows may be gone with those of chosen ones."""
    names = set(chosen)
    found = sorted(
        {
            each.table
            for name in names
            for each in tables[name].references
            if each.to_table == name and each.table not in names and each.schema == tables[name].schema
        }
    )
    if not found:
        return ()
    return (
        Sentence(
            "rows of {tables} refer to these; what was deleted with them comes back with {options} alone",
            tables=", ".join(found),
            options=" ".join(f"--table {each}" for each in found),
        ),
    )


def _inner(table: Table, tables: Mapping[str, Table]) -> list[Reference]:
    """Its references to others of these tables; those to itself hold at the end of each statement."""
    return [
        each
        for each in table.references
        if (each.schema, each.table) == (table.schema, table.name)
        and each.to_schema == table.schema
        and each.to_table != table.name
        and each.to_table in tables
    ]
