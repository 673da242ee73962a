"""SQL that changes a type in place, or puts a new one in its place under the columns that have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pglast import parse_sql

from nexus.migrations.quoting import literal
from nexus.migrations.shape.quoting import name
from nexus.migrations.shape.thing import Thing

Told = tuple[tuple[str, ...], bool, str]


def alter_type(have: Thing, want: Thing, users: Sequence[Thing]) -> Told | None:
    """Its statements, whether what uses it must be away meanwhile, and what is lost; None: make it anew."""
    if have.facts["kind"] != want.facts["kind"]:
        return None
    if "values" in have.facts and "values" in want.facts:
        added = _added(labels(have), labels(want))
        return (tuple(_more(want, added)), False, "") if added else _swap(have, want, users)
    if have.facts["kind"] == "DOMAIN":
        fixed = ("base", "collation")
        if any(have.facts.get(each) != want.facts.get(each) for each in fixed):
            return _swap(have, want, users)
        return tuple(_domain(have, want)), False, ""
    if "attributes" in have.facts and "attributes" in want.facts:
        return _composite(have, want)
    return _swap(have, want, users) if users else None


def labels(type_: Thing) -> tuple[str, ...]:
    """The values of an enumeration, in order."""
    statement: Any = parse_sql(type_.create)[0].stmt
    return tuple(str(each.sval) for each in statement.vals or ())


def _added(have: tuple[str, ...], want: tuple[str, ...]) -> list[tuple[str, str]]:
    """New values, each with the place to add it at; empty when values go or change places."""
    if [each for each in want if each in have] != list(have):
        return []
    found, known = [], list(have)
    for index, label in enumerate(want):
        if label in have:
            continue
        if index:
            place = f"AFTER {literal(want[index - 1])}"
        else:
            place = f"BEFORE {literal(known[0])}" if known else ""
        found.append((label, place))
        known.insert(index, label)
    return found


def _more(want: Thing, added: list[tuple[str, str]]) -> Iterator[str]:
    for label, place in added:
        yield f"ALTER TYPE {want.sql_name} ADD VALUE {literal(label)}{' ' if place else ''}{place};"


def _swap(have: Thing, want: Thing, users: Sequence[Thing]) -> Told:
    """The new type under the old name; values go over through their text."""
    old = f"{want.key.name} (old)"
    sql = [f"ALTER {want.facts['kind']} {want.sql_name} RENAME TO {name(old)};", want.create]
    for column in users:
        type_ = column.facts["type"]
        alter = f"ALTER TABLE {column.on} ALTER COLUMN {column.sql_name}"
        sql.append(f"{alter} TYPE {type_} USING {column.sql_name}::text::{type_};")
    sql.append(f"DROP {have.facts['kind']} {name(want.key.schema, old)};")
    return tuple(sql), True, ""


def _domain(have: Thing, want: Thing) -> Iterator[str]:
    alter, before, after = f"ALTER DOMAIN {want.sql_name}", have.facts, want.facts
    if before.get("default") != after.get("default"):
        yield f"{alter} SET DEFAULT {after['default']};" if "default" in after else f"{alter} DROP DEFAULT;"
    if before.get("not null") != after.get("not null"):
        yield f"{alter} {'SET' if after.get('not null') else 'DROP'} NOT NULL;"
    checks = sorted({key for key in before.keys() | after.keys() if key.startswith("constraint ")})
    for key in checks:
        own = key.removeprefix("constraint ")
        if before.get(key) == after.get(key):
            continue
        if key in before:
            yield f"{alter} DROP CONSTRAINT {own};"
        if key in after:
            yield f"{alter} ADD CONSTRAINT {own} {after[key]};"


def _composite(have: Thing, want: Thing) -> Told | None:
    """Attributes come at the end; another order takes a new type."""
    before, after = _attributes(have), _attributes(want)
    if [each for each in before if each in after] + [each for each in after if each not in before] != list(
        after
    ):
        return None
    sql, destroys = [], ""
    for each in before:
        if each not in after:
            sql.append(f"DROP ATTRIBUTE {name(each)}")
            destroys = f"the attribute {each} of all values of {want.sql_name}"
    for each, type_ in after.items():
        if each not in before:
            sql.append(f"ADD ATTRIBUTE {name(each)} {type_}")
        elif before[each] != type_:
            sql.append(f"ALTER ATTRIBUTE {name(each)} TYPE {type_}")
    return (f"ALTER TYPE {want.sql_name} {', '.join(sql)};",), False, destroys


def _attributes(type_: Thing) -> dict[str, str]:
    """Attribute → its type, as written in the statement that makes it."""
    statement: Any = parse_sql(type_.create)[0].stmt
    found: dict[str, str] = {}
    begins = [each.location for each in statement.coldeflist or ()]
    text = type_.create.encode()
    for index, each in enumerate(statement.coldeflist or ()):
        end = begins[index + 1] if index + 1 < len(begins) else text.rindex(b")")
        own = text[each.typeName.location : end].decode().strip().rstrip(",").strip()
        found[str(each.colname)] = own
    return found
