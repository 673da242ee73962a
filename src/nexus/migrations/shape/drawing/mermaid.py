"""Mermaid's diagrams, within what its grammar takes (mermaid 10 and 11: erDiagram, flowchart)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from nexus.migrations.shape.drawing.around import Reads, Tells
from nexus.migrations.shape.drawing.keys import Keys
from nexus.migrations.shape.drawing.words import Words
from nexus.migrations.shape.thing import Shape, Thing

_SHORT = (
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
    ("time with time zone", "timetz"),
    ("time without time zone", "time"),
    ("character varying", "varchar"),
    ("double precision", "float8"),
    ("bit varying", "varbit"),
)
_MANY = 3  # event types that are named on an arrow
_WORD = re.compile(r"(?!(?:PK|FK|UK)$)[A-Za-z_][A-Za-z0-9_]*", re.IGNORECASE)  # the keys' marks are no names


def entities(shape: Shape, schema: str, keys: dict[str, Keys]) -> Iterator[str]:
    """The tables of one schema and their foreign keys; partitions are left to their parents."""
    yield "erDiagram"
    for table, own in keys.items():
        yield f"    {_entity(table)} {{"
        for column in shape.kind("column", schema, table):
            yield f"        {_attribute(column, own)}"
        yield "    }"
    for table, own in keys.items():
        for each in own.foreign:
            other = each.table if each.schema == schema else f"{each.schema}.{each.table}"
            line = f"{'|o' if each.optional else '||'}--{'o|' if each.single else 'o{'}"
            label = _text(", ".join(each.columns))
            yield f'    {_entity(other)} {line} {_entity(table)} : "{label}"'


def overview(
    modules: Sequence[tuple[str, int]],
    read: Mapping[tuple[str, str], Sequence[Reads]],
    events: Sequence[Tells],
    w: Words,
) -> Iterator[str]:
    """Modules with their number of tables; events as whole lines, readings as broken ones. `read`: by the
    pair of who reads whom.
    """
    yield "flowchart LR"
    shown = dict(modules)
    others = {each for told in events for each in (told.teller, told.listener)} | {who for who, _ in read}
    ids = {name: f"m{number}" for number, name in enumerate([*shown, *sorted(others - shown.keys())])}
    for name, id in ids.items():
        label = f"{name}: {shown[name]} {w('tables')}" if name in shown else name
        yield f'    {id}["{_text(label)}"]' if name in shown else f'    {id}(["{_text(label)}"])'
    for told in events:
        some = ", ".join(told.types[:_MANY]) + (f" +{len(told.types) - _MANY}" if told.types[_MANY:] else "")
        yield f'    {ids[told.teller]} -->|"{_text(some)}"| {ids[told.listener]}'
    for (who, owner), found in read.items():
        kinds = ", ".join(sorted({w(each.kind) for each in found}))
        yield f'    {ids[who]} -.->|"{_text(kinds)}"| {ids[owner]}'


def _entity(name: str) -> str:
    """A quoted name; the grammar takes no quote, per cent sign or backslash within."""
    return '"' + re.sub(r'["%\\\r\n]', "_", name) + '"'


def _attribute(column: Thing, keys: Keys) -> str:
    name = column.key.name
    shown = name if _WORD.fullmatch(name) else re.sub(r"[^A-Za-z0-9_]", "_", f"_{name}")
    told = ",".join(keys.of(name))
    comment = "" if shown == name else f' "{_text(name)}"'
    return f"{_type(column.facts['type'])} {shown}{' ' if told else ''}{told}{comment}"


def _type(told: str) -> str:
    """A type in one word: its sizes are told in the table below the diagram."""
    told = re.sub(r"\([^)]*\)| COLLATE .*", "", told)
    for long, short in _SHORT:
        told = told.replace(long, short)
    array = "[]" * told.count("[]")
    word = re.sub(r"[^A-Za-z0-9_]", "_", told.replace("[]", "").replace('"', ""))
    return (word if _WORD.fullmatch(word) else f"_{word}") + array


def _text(told: str) -> str:
    """A text within double quotes."""
    return told.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace("\n", " ")
