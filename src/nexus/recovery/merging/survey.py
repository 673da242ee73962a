"""All chosen tables of a module, then against now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.quoting import identifier
from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.recovery.errors import MergeRefused, RecoveryFailed
from nexus.recovery.merging.comparing import compare
from nexus.recovery.merging.condition import checked, read_condition
from nexus.recovery.merging.difference import Difference, Policy, TableDifference
from nexus.recovery.merging.ordering import beside, ordered
from nexus.recovery.merging.pairing import Pair, pair_tables
from nexus.recovery.merging.session import snapshot
from nexus.recovery.merging.spool import Spool
from nexus.recovery.merging.statements import Statements
from nexus.recovery.merging.tables import read_tables

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


ROWS_KEPT = "{count} rows of {table} changed since and are kept"
PUT_BACK = ": --until TIME puts back what was changed up to the end of the damage, --changed all of it"


@dataclass(frozen=True)
class Asked:
    """Which rows an operator asks for. `tables`: () = all that can be compared; `where`: of the one table
    that is named.
    """

    module: str
    schema: str
    tables: tuple[str, ...] = ()
    where: str = ""
    policy: Policy = field(default_factory=Policy)

    def check(self) -> None:
        """Whether it can be meant; nothing is read.

        Raises:
            MergeRefused: it cannot; says why.
        """
        if self.where and len(self.tables) != 1:
            raise MergeRefused("--where is a condition on the columns of one table: name it with --table")
        if self.where:
            read_condition(self.where)


async def survey(
    then: str,
    now: str,
    asked: Asked,
    spool: Spool,
    reached: str,
    at: float | None = None,
    say: Say = unsaid,
) -> Difference:
    """Compares, and spools what is to be written. `then`, `now`: the superusers' addresses of the restored
    and of the living database; `reached`, `at`: which time was restored.

    Raises:
        MergeRefused: a table, or what was asked for, cannot be compared; says why.
        RecoveryFailed: a server cannot be asked.
    """
    asked.check()
    spool.begin()
    try:
        async with snapshot(then, asked.schema) as before, snapshot(now, asked.schema) as after:
            found = await _surveyed(before, after, asked, spool, reached, at, say)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise RecoveryFailed(f"then and now cannot be compared: {error}") from error
    spool.finish(found)
    return found


async def _surveyed(
    before: Connection,
    after: Connection,
    asked: Asked,
    spool: Spool,
    reached: str,
    at: float | None,
    say: Say,
) -> Difference:
    old, new = await read_tables(before, asked.schema), await read_tables(after, asked.schema)
    if not old:
        raise MergeRefused(f"schema {asked.schema} of {asked.module} had no tables then ({reached})")
    pairs, notes = pair_tables(old, new, asked.tables)
    order, circles = ordered({each.name: each.now for each in pairs})
    found: list[TableDifference] = []
    for number, pair in enumerate(sorted(pairs, key=lambda each: order.index(each.name)), 1):
        text = ""
        if asked.where:
            text = await checked(after, asked.where, pair.now)
            await checked(before, asked.where, pair.then)
        say(Sentence("{table} is compared", table=pair.name))
        found.append(await _compared(before, after, pair, text, asked.policy, spool, f"{number:04}"))
    by_name = {pair.name: pair for pair in pairs}
    told = [*notes, *(note for pair in pairs for note in pair.notes), *circles]
    told += beside(new, (each.table for each in found if each.deleted)) if asked.tables else []
    told += [
        Sentence(
            "{table}: its triggers work as they do for users, and may refuse: {names}",
            table=each.table,
            names=", ".join(trigger.name for trigger in firing),
        )
        for each in found
        if (firing := Statements(by_name[each.table].now, each).firing())
    ]
    told += [_kept(each) for each in found if each.changed and not asked.policy.changed]
    return Difference(
        asked.module,
        asked.schema,
        reached,
        at,
        asked.policy,
        tuple(found),
        order,
        tuple(map(str, told)),
        asked.tables,
        asked.where,
    )


def _kept(found: TableDifference) -> Sentence:
    rows = "1 row of {table} changed since and is kept" if found.changed == 1 else ROWS_KEPT
    return Sentence(rows + PUT_BACK, table=found.table, count=found.changed)


async def _compared(
    before: Connection,
    after: Connection,
    pair: Pair,
    text: str,
    policy: Policy,
    spool: Spool,
    file: str,
) -> TableDifference:
    """With the rights of the tables' owners, where those see all of it."""
    for connection, table in ((before, pair.then), (after, pair.now)):
        role = "NONE" if table.as_superuser else identifier(table.owner)
        await connection.execute(f"SET LOCAL ROLE {role}")
    found = await compare(before, after, pair, text, policy, spool, file)
    for connection in (before, after):
        await connection.execute("SET LOCAL ROLE NONE")
    return found
