"""SQL that changes a column in place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.migrations.shape.thing import Thing

_OPTION = re.compile(r"(START WITH|INCREMENT BY|MINVALUE|MAXVALUE|CACHE|NO CYCLE|CYCLE)( -?\d+)?")
_SIZED = re.compile(r"(character varying|numeric|character)\((\d+)(?:,(\d+))?\)")
_NUMBERS = ("smallint", "integer", "bigint", "numeric")
_FAMILIES = (
    {*_NUMBERS, "real", "double precision"},
    {"text", "character varying", "character"},
    {"date", "timestamp without time zone", "timestamp with time zone"},
    {"json", "jsonb"},
)
Told = tuple[tuple[str, ...], bool, str]


def alter_column(have: Thing, want: Thing) -> Told | None:
    """Its statements, whether they change its type, and what is lost; None where it must be made anew."""
    before, after = have.facts, want.facts
    if _generated_anew(before.get("generated", ""), after.get("generated", "")):
        return None
    typed = before["type"] != after["type"]
    destroys = ""
    if typed and not widens(before["type"], after["type"]):
        destroys = f"what {after['type']} cannot hold of the values of {want.on}.{want.sql_name}"
    return tuple(_changes(have, want)), typed, destroys


def widens(before: str, after: str) -> bool:
    """Whether every value of the one type is the same value of the other."""
    if after == "text" and _family(before) == {"text", "character varying", "character"}:
        return not before.startswith("character(")
    if before in _NUMBERS and after in _NUMBERS:
        return _NUMBERS.index(before) < _NUMBERS.index(after)
    old, new = _SIZED.fullmatch(before), _SIZED.fullmatch(after)
    if new is None and old:
        return after == old[1] and old[1] != "character"
    if old is None or new is None or old[1] != new[1]:
        return False
    scale, more = int(old[3] or 0), int(new[3] or 0)
    return more >= scale and int(new[2]) - more >= int(old[2]) - scale


def cast(column: str, before: str, after: str) -> str:
    """How a value of one type becomes one of another: directly among relatives, else through its text."""
    family = _family(before)
    if family and family == _family(after):
        return f"{column}::{after}"
    return f"{column}::text::{after}"


def _family(told: str) -> set[str]:
    plain = re.sub(r"\(.*\)", "", told)
    return next((each for each in _FAMILIES if plain in each), set())


def _generated_anew(before: str, after: str) -> bool:
    if not after:
        return before.endswith(" VIRTUAL")
    return not before or before.rsplit(" ", 1)[1] != after.rsplit(" ", 1)[1]


def _changes(have: Thing, want: Thing) -> Iterator[str]:
    alter = f"ALTER TABLE {want.on} ALTER COLUMN {want.sql_name}"
    before, after = have.facts, want.facts
    told = {key: (before.get(key, ""), after.get(key, "")) for key in before.keys() | after.keys()}
    changed = {key: pair for key, pair in told.items() if pair[0] != pair[1]}
    if "generated" in changed and not after.get("generated"):
        yield f"{alter} DROP EXPRESSION;"
    if before.get("identity") and not after.get("identity"):
        yield f"{alter} DROP IDENTITY;"
    if "type" in changed:
        using = ""
        if not after.get("generated"):
            plain = after["type"].partition(" COLLATE ")[0]
            using = f" USING {cast(want.sql_name, before['type'].partition(' COLLATE ')[0], plain)}"
        yield f"{alter} TYPE {after['type']}{using};"
    if "generated" in changed and after.get("generated"):
        yield f"{alter} SET EXPRESSION AS ({after['generated'].rsplit(' ', 1)[0]});"
    if "not null" in changed:
        yield from _null(want, alter, *changed["not null"])
    if after.get("identity") and "identity" in changed:
        kind, _, options = after["identity"].partition(" (")
        options = options.rstrip(")")
        if before.get("identity"):
            kept = " ".join(f"SET {each[0]}" for each in _OPTION.finditer(options))
            yield f"{alter} SET GENERATED {kind} {kept};"
        else:
            yield f"{alter} ADD GENERATED {kind} AS IDENTITY ({options});"
    if "storage" in changed:
        yield f"{alter} SET STORAGE {after.get('storage', 'DEFAULT')};"
    if "compression" in changed:
        yield f"{alter} SET COMPRESSION {after.get('compression', 'default')};"
    if "statistics" in changed:
        yield f"{alter} SET STATISTICS {after.get('statistics', 'DEFAULT')};"
    if "options" in changed:
        if before.get("options"):
            names = ", ".join(each.partition("=")[0] for each in before["options"].split(", "))
            yield f"{alter} RESET ({names});"
        if after.get("options"):
            yield f"{alter} SET ({after['options']});"


def _null(want: Thing, alter: str, before: str, after: str) -> Iterator[str]:
    if after == "yes":
        yield f"{alter} SET NOT NULL;"
        return
    if before:
        yield f"{alter} DROP NOT NULL;"
    if after:
        yield f"ALTER TABLE {want.on} ADD NOT NULL {want.sql_name} NOT VALID;"
