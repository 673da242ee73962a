"""SQL that makes an object as it should be."""

from __future__ import annotations

from collections.abc import Iterator

from nexus.migrations.shape.catalogue.found import words
from nexus.migrations.shape.quoting import name
from nexus.migrations.shape.thing import Shape, Thing
from nexus.migrations.shape.writing.belongings import belongings


def create(thing: Thing, shape: Shape) -> tuple[str, ...]:
    """The statements that make `thing`, an object of `shape`; a table with its columns."""
    return tuple(_create(thing, shape))


def finish(thing: Thing) -> tuple[str, ...]:
    """What can be said of it only when other objects are there."""
    facts = thing.facts
    if thing.key.kind == "sequence" and facts.get("owned by"):
        return (f"ALTER SEQUENCE {thing.sql_name} OWNED BY {facts['owned by']};",)
    if thing.key.kind == "table" and facts.get("replica identity", "").startswith("USING"):
        return (replica_identity(thing),)
    if thing.key.kind == "index" and facts.get("clustered"):
        return (f"ALTER TABLE {thing.on} CLUSTER ON {name(thing.key.name)};",)
    return ()


def replica_identity(table: Thing) -> str:
    """SQL of a table's replica identity."""
    told = table.facts.get("replica identity", "DEFAULT")
    if told.startswith("USING"):
        told = f"USING INDEX {told.removeprefix('USING INDEX ').rpartition('.')[2]}"
    return f"ALTER TABLE {table.sql_name} REPLICA IDENTITY {told};"


def switches(table: Thing) -> Iterator[str]:
    """SQL of a table's row-level security."""
    if table.facts.get("row level security"):
        yield f"ALTER TABLE {table.sql_name} ENABLE ROW LEVEL SECURITY;"
    if table.facts.get("forced row level security"):
        yield f"ALTER TABLE {table.sql_name} FORCE ROW LEVEL SECURITY;"


def after_column(column: Thing) -> Iterator[str]:
    """SQL of what a column's definition cannot hold, and of its comment and grants."""
    facts, alter = column.facts, f"ALTER TABLE {column.on}"
    if facts.get("not null") == "not valid":
        yield f"{alter} ADD NOT NULL {column.sql_name} NOT VALID;"
    if facts.get("statistics"):
        yield f"{alter} ALTER COLUMN {column.sql_name} SET STATISTICS {facts['statistics']};"
    if facts.get("options"):
        yield f"{alter} ALTER COLUMN {column.sql_name} SET ({facts['options']});"
    yield from belongings(None, column)


def _create(thing: Thing, shape: Shape) -> Iterator[str]:
    match thing.key.kind:
        case "table":
            columns = list(shape.kind("column", thing.key.schema, thing.key.name))
            yield _table(thing, columns)
            yield from switches(thing)
            if thing.facts.get("replica identity", "USING").split()[0] != "USING":
                yield replica_identity(thing)
            yield from belongings(None, thing)
            for column in columns:
                yield from after_column(column)
        case "column":
            yield f"ALTER TABLE {thing.on} ADD COLUMN {thing.create};"
            yield from after_column(thing)
        case _:
            if thing.create:
                yield thing.create
            yield from belongings(None, thing)


def _table(table: Thing, columns: list[Thing]) -> str:
    facts = table.facts
    if facts.get("partition of"):
        body = f" PARTITION OF {facts['partition of']} {facts['bound']}"
    elif facts.get("of type"):
        body = f" OF {facts['of type']}"
    else:
        told = ",\n".join(f"    {column.create}" for column in columns)
        body = f" (\n{told}\n)" if told else " ()"
    ends = words(
        f"INHERITS ({facts['inherits']})" if facts.get("inherits") else "",
        f"PARTITION BY {facts['partitioned by']}" if facts.get("partitioned by") else "",
        f"USING {name(facts['method'])}" if facts.get("method") else "",
        f"WITH ({facts['options']})" if facts.get("options") else "",
        f"TABLESPACE {name(facts['tablespace'])}" if facts.get("tablespace") else "",
    )
    unlogged = " UNLOGGED" if facts.get("unlogged") else ""
    return f"CREATE{unlogged} TABLE {table.sql_name}{body}{' ' if ends else ''}{ends};"
