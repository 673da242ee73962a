"""What the invariants say before and after rows were written, within the same transaction.

`now()` does not move within a transaction: a row that offends after and not before does so because of the
merge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from nexus.business import Invariant

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

MOST = 100_000  # offending rows that are compared
TOLD = 3
LONGEST = "60s"

Offenders = Mapping[str, "Counter[str] | str"]  # by invariant: the rows, or why it could not be asked


@dataclass(frozen=True)
class Broken:
    """An invariant that a merge breaks: how many rows offend that did not before, and the first of them."""

    name: str
    title: str
    rows: int
    sample: tuple[str, ...]

    def sentence(self) -> str:
        """In words."""
        count = "1 row" if self.rows == 1 else f"{self.rows} rows"
        return f"{self.name} ({self.title}): {count}, such as {'; '.join(self.sample)}"


def touching(invariants: Sequence[Invariant], schema: str) -> tuple[Invariant, ...]:
    """Those which read a schema. Pure."""
    return tuple(each for each in invariants if schema in each.needs)


async def offenders(connection: Connection, invariants: Sequence[Invariant]) -> Offenders:
    """Who offends now. `connection` is in a transaction, of which nothing is changed."""
    found: dict[str, Counter[str] | str] = {}
    for each in invariants:
        savepoint = connection.transaction()
        await savepoint.start()
        try:
            await connection.execute(
                f"SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = '{LONGEST}'; "
                "SET LOCAL search_path TO DEFAULT"
            )
            cursor = await connection.cursor(each.sql)
            found[each.name] = Counter(_text(row) for row in await cursor.fetch(MOST))
        except asyncpg.PostgresError as error:
            if error.sqlstate[:2] in ("08", "57") and not isinstance(error, asyncpg.QueryCanceledError):
                raise
            found[each.name] = str(error).splitlines()[0]
        finally:
            if not connection.is_closed():
                await savepoint.rollback()
    return found


def newly_broken(invariants: Sequence[Invariant], before: Offenders, after: Offenders) -> tuple[Broken, ...]:
    """What offends after and did not before; one that cannot be asked any more counts. Pure."""
    broken = []
    for each in invariants:
        was, is_ = before[each.name], after[each.name]
        if isinstance(is_, str):
            if not isinstance(was, str):
                broken.append(Broken(each.name, each.title, 0, (f"it cannot be asked: {is_}",)))
            continue
        new = is_ - was if isinstance(was, Counter) else is_
        if new:
            sample = tuple(list(new)[:TOLD])
            broken.append(Broken(each.name, each.title, new.total(), sample))
    return tuple(broken)


def unasked(before: Offenders, after: Offenders) -> tuple[str, ...]:
    """Those which could be asked neither before nor after, and of which nothing is known. Pure."""
    return tuple(
        f"{name} could not be asked: {why}"
        for name, why in after.items()
        if isinstance(why, str) and isinstance(before[name], str)
    )


def _text(row: asyncpg.Record) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
