"""One table of the map: its columns, constraints and indexes, and who reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nexus.migrations.effects.effect import TableFacts
from nexus.migrations.shape.drawing.around import Reads, of_table
from nexus.migrations.shape.drawing.keys import Keys
from nexus.migrations.shape.drawing.words import Words
from nexus.migrations.shape.thing import Shape, Thing

_MARKS = re.compile(r"([\\|<>*_`\[\]])")
_UNITS = ("B", "KB", "MB", "GB", "TB")


def table_section(
    shape: Shape, table: Thing, keys: Keys, readers: Sequence[Reads], w: Words, size: TableFacts | None = None
) -> Iterator[str]:
    """The section of one table, in lines."""
    schema, name = table.key.schema, table.key.name
    yield f"### {cell(f'{schema}.{name}')}"
    yield ""
    told = list(_told(table, w, size))
    if told:
        yield from (". ".join(told), "")
    columns = list(shape.kind("column", schema, name))
    if columns:
        yield row(*map(w, ("column", "type", "null", "default", "key", "comment")))
        yield row(*["---"] * 6)
        for column in columns:
            yield _column(shape, column, keys, w)
        yield ""
    yield from _listed(
        w("Constraints"),
        ((each, each.facts["definition"]) for each in shape.kind("constraint", schema, name)),
    )
    indexes = list(shape.kind("index", schema, name))
    yield from _listed(w("Indexes"), ((each, _index(each, w)) for each in indexes))
    yield from _listed(
        w("Policies"), ((each, each.facts["definition"]) for each in shape.kind("policy", schema, name))
    )
    outside = of_table(readers, schema, name)
    if outside:
        yield from (f"{w('Read by')}:", "")
        for (who, kind, title), parts in outside.items():
            what = cell(f"{w(kind)} {title}".rstrip())
            yield f"- {cell(who)} ({what}): {_read(parts, w)}"
        yield ""


def row(*cells: str) -> str:
    """One line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def cell(text: str) -> str:
    """Text as it is, whatever Markdown would make of it."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _read(columns: frozenset[str | None], w: Words) -> str:
    if None in columns:
        return w("whole table")
    return ", ".join(f"`{each}`" for each in sorted(filter(None, columns))) or w("rows")


def _told(table: Thing, w: Words, size: TableFacts | None) -> Iterator[str]:
    if table.comment:
        yield cell(table.comment).rstrip(".")
    if table.facts.get("partition of"):
        yield f"{w('partition of')} `{table.facts['partition of']}` {table.facts['bound']}"
    if table.facts.get("row level security"):
        yield w("row-level security")
    if size is not None:
        swapped = str.maketrans(",.", ".,") if w("1,000.0").endswith(",0") else {}
        told = f"{max(0, size.rows):,}".translate(swapped), _bytes(size.total).translate(swapped)
        yield f"{w('about')} {told[0]} {w('rows')}, {told[1]}"


def _column(shape: Shape, column: Thing, keys: Keys, w: Words) -> str:
    facts = column.facts
    default = shape.things.get(column.key._replace(kind="default"))
    value = _code(default.facts["value"]) if default else ""
    if facts.get("generated"):
        value = f"{w('generated')} {_code(facts['generated'])}"
    if facts.get("identity"):
        value = w("identity")
    return row(
        cell(column.key.name),
        cell(facts["type"]),
        w("no") if facts.get("not null") == "yes" else w("yes"),
        value,
        ", ".join(keys.of(column.key.name)),
        cell(column.comment),
    )


def _index(index: Thing, w: Words) -> str:
    """`UNIQUE btree (company_id) WHERE active`."""
    unique, _, rest = index.facts["definition"].partition(" INDEX ")
    told = f"{'UNIQUE ' if 'UNIQUE' in unique else ''}{rest.partition(' USING ')[2]}"
    return f"{told}, {w('not valid')}" if index.facts.get("invalid") else told


def _listed(title: str, things: Iterator[tuple[Thing, str]]) -> Iterator[str]:
    found = list(things)
    if found:
        yield from (f"{title}:", "")
        yield from (f"- {cell(thing.key.name)}: {_code(told)}" for thing, told in found)
        yield ""


def _code(text: str) -> str:
    """Code in a line; in a table of Markdown a bar must be escaped even there."""
    plain = " ".join(text.split()).replace("|", "\\|")
    return f"`` {plain} ``" if "`" in plain else f"`{plain}`"


def _bytes(size: int) -> str:
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 10 else f"{value:.1f} {_UNITS[unit]}"
