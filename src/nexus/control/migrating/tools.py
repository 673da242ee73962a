"""Modules whose schema a tool of their own brings up to date, in a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.migrations import commands
from nexus.migrations.planning.planned import MigrationPlan

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]


async def with_tools(found: MigrationPlan, connection: Connection) -> MigrationPlan:
    """The plan with those tools alone that have something to do, and who runs them: a tool is part of its
    module's release, and runs as a task of that.

    Raises:
        MigrationUnreadable: the folder of one cannot be read.
    """
    tools = tuple([each for each in found.commands if await commands.pending(connection, each)])
    told = tuple(
        f"{each.module}: its own tool has something to do; `nexus deploy {each.module}` runs it"
        for each in tools
    )
    return replace(found, commands=tools, notes=(*found.notes, *told))
