"""The map of the data: modules, their tables, who reads whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nexus.migrations.effects.effect import Table, TableFacts
from nexus.migrations.migration import Source
from nexus.migrations.shape.drawing.around import Reads, Tells, read_from_outside
from nexus.migrations.shape.drawing.keys import Keys, keys_of
from nexus.migrations.shape.drawing.mermaid import entities, overview
from nexus.migrations.shape.drawing.tables import cell, row, table_section
from nexus.migrations.shape.drawing.words import Words, words
from nexus.migrations.shape.thing import Shape


def draw(
    shape: Shape,
    sources: Sequence[Source],
    readers: Sequence[Reads] = (),
    language: str = "en",
    events: Sequence[Tells] = (),
    sizes: Mapping[Table, TableFacts] | None = None,
) -> str:
    """The map of the data of all modules, as Markdown with Mermaid diagrams.

    The same arguments give the same text, so that it can be committed and checked.

    Args:
        shape: of the schemas of all `sources`.
        readers: who reads which tables from outside; see `nexus.migrations.readers`.
        language: `en` or `pt-BR`.
        events: who tells whom what; `events_of` of a stack.
        sizes: rows and bytes of tables; they change from hour to hour.
    """
    w = words(language)
    return "\n".join(_document(shape, sources, readers, w, events, sizes or {})).rstrip() + "\n"


def _document(
    shape: Shape,
    sources: Sequence[Source],
    readers: Sequence[Reads],
    w: Words,
    events: Sequence[Tells],
    sizes: Mapping[Table, TableFacts],
) -> Iterator[str]:
    known = sorted(sources, key=lambda each: each.module)
    counts = [(each.module, len(list(shape.kind("table", each.schema)))) for each in known]
    read = read_from_outside(readers, sources)
    yield f"# {w('Map of the data')}"
    yield ""
    yield w("Made by `nexus migrate map` from the database; what is written here by hand is lost.")
    yield ""
    yield f"## {w('Overview')}"
    yield ""
    yield w("Who tells whom (events, whole lines), and who reads whose tables or answers (broken lines).")
    yield ""
    yield from _diagram(overview(counts, read, events, w))
    yield row(w("module"), w("schema"), w("owner"), w("role"), w("tables"), w("read by"))
    yield row(*["---"] * 6)
    for source, (_, count) in zip(known, counts, strict=True):
        by = ", ".join(sorted({who for who, owner in read if owner == source.module}))
        yield row(*map(cell, (source.module, source.schema, source.owner, source.role, str(count), by)))
    yield ""
    for source in known:
        yield from _module(shape, source, readers, w, sizes)


def _module(
    shape: Shape,
    source: Source,
    readers: Sequence[Reads],
    w: Words,
    sizes: Mapping[Table, TableFacts],
) -> Iterator[str]:
    own = shape.of(source.schema)
    yield f"## {source.module}"
    yield ""
    comment = next((each.comment for each in own.kind("schema") if each.comment), "")
    if comment:
        yield from (comment, "")
    tables = list(own.kind("table"))
    if not tables:
        yield from (w("no tables"), "")
    keys: dict[str, Keys] = {
        each.key.name: keys_of(own, source.schema, each.key.name)
        for each in tables
        if not each.facts.get("partition of")
    }
    if keys:
        yield from _diagram(entities(own, source.schema, keys))
    for each in tables:
        size = sizes.get(Table(source.schema, each.key.name))
        yield from table_section(own, each, keys.get(each.key.name, Keys()), readers, w, size)
    yield from _others(own, w)


def _others(own: Shape, w: Words) -> Iterator[str]:
    views = [*own.kind("view"), *own.kind("materialized view")]
    parts = (
        ("Views", [(each, ", ".join(each.facts["columns"].split("\n"))) for each in views]),
        ("Types", [(each, each.create.partition(" AS ")[2].rstrip(";")) for each in own.kind("type")]),
        ("Functions", [(each, each.facts.get("result", "")) for each in own.kind("function")]),
    )
    for title, things in parts:
        if not things:
            continue
        yield f"### {w(title)}"
        yield ""
        for thing, told in sorted(things, key=lambda each: each[0].key.name):
            comment = f": {thing.comment}" if thing.comment else ""
            yield f"- `{thing.key.name}` {cell(told)}{comment}".replace("\n", " ")
        yield ""


def _diagram(lines: Iterator[str]) -> Iterator[str]:
    yield "```mermaid"
    yield from lines
    yield "```"
    yield ""
