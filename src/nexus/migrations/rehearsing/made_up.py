"""A row for a table that has none: simple values for the columns that must have one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

# By pg_type.typcategory (manual, 53.64): a literal that types of this family take.
_BY_FAMILY = {"A": "'{}'", "B": "true", "D": "now()", "I": "'127.0.0.1'", "N": "1", "S": "'x'", "T": "'1 s'"}
_BY_TYPE = {"uuid": "gen_random_uuid()", "json": "'{}'", "jsonb": "'{}'", "bytea": "'x'", "xml": "'<x/>'"}


def made_up(name: str, columns: Sequence[asyncpg.Record]) -> str:
    """An INSERT of one row into the table `name` (as SQL writes it); "" where a value is not known.

    `columns` tell name, type, needed (NOT NULL without a default), sort (pg_type.typtype), and family
    (pg_type.typcategory).
    """
    values = {str(each["name"]): _value(each) for each in columns if each["needed"]}
    if not all(values.values()):
        return ""
    if not values:
        return f"INSERT INTO {name} DEFAULT VALUES"
    return f"INSERT INTO {name} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def _value(column: asyncpg.Record) -> str:
    kind, sort, family = str(column["type"]), _text(column["sort"]), _text(column["family"])
    if sort == "e":
        return f"(enum_range(NULL::{kind}))[1]"
    if kind.startswith("time") and not kind.startswith("timestamp"):
        return f"now()::{kind}"
    return _BY_TYPE.get(kind) or _BY_FAMILY.get(family, "")


def _text(told: bytes | str) -> str:
    """PostgreSQL's "char", which asyncpg gives as bytes."""
    return told.decode() if isinstance(told, bytes) else told
