"""Rows that refer to those which a merge writes: PostgreSQL would delete or change them along, untold."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

import asyncpg

from nexus.recovery.errors import MergeRefused
from nexus.recovery.merging.refusing import NOTHING
from nexus.recovery.merging.statements import Statements

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


async def refuse_dragged(connection: Connection, work: Statements, chosen: Container[str]) -> None:
    """Whether rows that are kept would go with those that are taken away. `chosen`: the tables compared.

    Raises:
        MergeRefused: they would.
    """
    for each in work.referring():
        if each.on_delete not in "ar" and (count := await connection.fetchval(work.dragged(each))):
            how = f"Add --table {each.table}"
            if each.table in chosen:
                how = "They are kept, or were changed after they were compared: compare again"
            raise MergeRefused(
                f"{count} rows of {each.table} refer to rows of {each.to_table} that would be taken away, "
                f"and {each.name} would delete or empty them too; {NOTHING}. {how}, or leave them out with "
                "--where"
            )


async def refuse_carried(connection: Connection, work: Statements) -> None:
    """Whether rows would change with values that are put back, to which they refer.

    Raises:
        MergeRefused: they would.
    """
    for each in work.referring() if work.found.put else ():
        if each.on_update not in "ar" and (count := await connection.fetchval(work.carried(each))):
            raise MergeRefused(
                f"{count} rows of {each.table} refer to values of {each.to_table} that would be put back, "
                f"and {each.name} would change them too; {NOTHING}. Leave these out with --where, and "
                "correct them through the module"
            )
