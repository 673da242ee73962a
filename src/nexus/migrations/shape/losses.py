"""What of the living data would be gone with an object, or stands in the way of what comes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus.migrations.quoting import literal
from nexus.migrations.shape.difference import Step
from nexus.migrations.shape.thing import Shape, Thing

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

MANY = 1_000_000  # rows up to which they are counted
RESTORE = "go back to the restore point before it, or write a migration that says what becomes of the data"
LOST = f"would be lost; {RESTORE}"
_NULL = "stands in the way: NOT NULL comes back with it; fill the column first"


@dataclass(frozen=True)
class Loss:
    """What a statement would destroy. `rows`: SQL that finds rows with it. `where`: which rows, in words.

    `kind`: of the object that `table` names, or "column": one of its columns. `holds`: of a column, what is
    true of a row that loses nothing. `told`: the end of the sentence.
    """

    table: str
    rows: str
    where: str
    kind: str = "table"
    holds: str = ""
    told: str = LOST

    @property
    def lock(self) -> str:
        """SQL that keeps everybody from writing to it until the end of the transaction; of a sequence, that
        will be dropped, from taking numbers: LOCK knows none.
        """
        if self.kind == "sequence":
            return f"ALTER SEQUENCE {self.table} OWNED BY NONE"
        return f"LOCK TABLE {self.table} IN ACCESS EXCLUSIVE MODE"


def losses(steps: Iterable[Step], after: Shape) -> tuple[Loss, ...]:
    """What some statements would destroy where there are rows. `after`: the shape they are executed on."""
    found: list[Loss] = []
    for step in steps:
        thing = after.things.get(step.about)
        if thing is None:
            continue
        if thing.key.kind == "column" and step.sql.endswith(" SET NOT NULL;"):
            found.append(_null(thing))
        if not step.destroys:
            continue
        if thing.key.kind == "table":
            found.append(Loss(thing.sql_name, f"SELECT FROM {thing.sql_name}", f"in {thing.sql_name}"))
        elif thing.key.kind == "column":
            found.append(_column(thing, after))
        elif thing.key.kind == "sequence":
            found.append(_sequence(thing))
    return tuple(dict.fromkeys(found))


def unmeasured(steps: Iterable[Step], after: Shape) -> tuple[str, ...]:
    """What would be destroyed and cannot be counted: parts of a type that columns have."""
    return tuple(
        f"{step.destroys} {LOST}"
        for step in steps
        if step.destroys
        and step.about.kind == "type"
        and any(step.about in each.needs for each in after.kind("column"))
    )


async def lost(connection: Connection, losses: Iterable[Loss], exact: bool = True) -> tuple[str, ...]:
    """What would be lost now, as sentences with row counts; `exact=False` looks only whether there is any."""
    found: list[str] = []
    for each in losses:
        limit = MANY if exact else 1
        count = await connection.fetchval(f"SELECT count(*) FROM ({each.rows} LIMIT {limit}) AS found")
        if count and each.kind == "sequence":
            found.append(f"{each.where} {each.told}")
        elif count:
            told = f"{count:,}" if exact and count < MANY else f"{limit:,} or more"
            found.append(f"{told} {'row' if told == '1' else 'rows'} {each.where} {each.told}")
    return tuple(found)


def _column(column: Thing, after: Shape) -> Loss:
    """Values that nobody chose are no loss: NULL, and a default that is one constant.

    They are compared as texts: not every type has an equality.
    """
    default = after.things.get(column.key._replace(kind="default"))
    own, where = column.sql_name, f"{column.on}.{column.sql_name}"
    empty, told = f"{own} IS NULL", f"where {where} is filled"
    if default is not None and _constant(default.facts["value"]):
        value, type_ = default.facts["value"], column.facts["type"].partition(" COLLATE ")[0]
        empty = f"{empty} OR {own}::text = (({value})::{type_})::text"
        told = f"where {where} is not {value}"
    return Loss(column.on, f"SELECT FROM {column.on} WHERE NOT ({empty})", told, "column", empty)


def _null(column: Thing) -> Loss:
    own = column.sql_name
    return Loss(
        column.on,
        f"SELECT FROM {column.on} WHERE {own} IS NULL",
        f"where {column.on}.{own} is NULL",
        "column",
        f"{own} IS NOT NULL",
        _NULL,
    )


def _sequence(sequence: Thing) -> Loss:
    own, schema, plain = sequence.sql_name, literal(sequence.key.schema), literal(sequence.key.name)
    its = f"schemaname = {schema} AND sequencename = {plain}"
    start = f"(SELECT start_value FROM pg_catalog.pg_sequences WHERE {its})"
    return Loss(
        own,
        f"SELECT FROM {own} WHERE is_called OR last_value <> {start}",
        f"where {own} stands: it has given out numbers, and that",
        "sequence",
    )


def _constant(expression: str) -> bool:
    """Whether a default is the same for every row: no function is called in it."""
    return "(" not in expression and not expression.upper().startswith("CURRENT")
