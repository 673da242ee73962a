"""What of the living data would be gone with a table or a column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus.migrations.shape.difference import Step
from nexus.migrations.shape.thing import Shape, Thing

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

MANY = 1_000_000  # rows up to which they are counted


@dataclass(frozen=True)
class Loss:
    """What a statement would destroy. `rows`: SQL that finds rows with it. `where`: which rows, in words."""

    table: str
    rows: str
    where: str


def losses(steps: Iterable[Step], after: Shape) -> tuple[Loss, ...]:
    """What some statements would destroy where there are rows. `after`: the shape they are executed on."""
    found: list[Loss] = []
    for step in steps:
        if not step.destroys or step.about not in after.things:
            continue
        thing = after.things[step.about]
        if thing.key.kind == "table":
            found.append(Loss(thing.sql_name, f"SELECT FROM {thing.sql_name}", f"in {thing.sql_name}"))
        elif thing.key.kind == "column":
            found.append(_column(thing, after))
    return tuple(found)


async def lost(connection: Connection, losses: Iterable[Loss], exact: bool = True) -> tuple[str, ...]:
    """What would be lost now, as sentences with row counts; `exact=False` looks only whether there is any."""
    found: list[str] = []
    for each in losses:
        limit = MANY if exact else 1
        count = await connection.fetchval(f"SELECT count(*) FROM ({each.rows} LIMIT {limit}) AS found")
        if count:
            told = f"{count:,}" if exact and count < MANY else f"{limit:,} or more"
            found.append(f"{told} {'row' if told == '1' else 'rows'} {each.where}")
    return tuple(found)


def _column(column: Thing, after: Shape) -> Loss:
    """Values that nobody chose are no loss: NULL, and a default that is one constant."""
    default = after.things.get(column.key._replace(kind="default"))
    own, where = column.sql_name, f"{column.on}.{column.sql_name}"
    if default is not None and _constant(default.facts["value"]):
        value = default.facts["value"]
        return Loss(
            column.on,
            f"SELECT FROM {column.on} WHERE {own} IS NOT NULL AND {own} IS DISTINCT FROM ({value})",
            f"where {where} is not {value}",
        )
    return Loss(column.on, f"SELECT FROM {column.on} WHERE {own} IS NOT NULL", f"where {where} is filled")


def _constant(expression: str) -> bool:
    """Whether a default is the same for every row: no function is called in it."""
    return "(" not in expression and not expression.upper().startswith("CURRENT")


def tables(losses: Iterable[Loss]) -> tuple[str, ...]:
    """The tables that must not change while it is looked."""
    return tuple(sorted({each.table for each in losses}))
