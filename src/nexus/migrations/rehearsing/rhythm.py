"""How often which table is written: as the living database counts it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import asyncpg

from nexus.migrations.effects.effect import Table

_COUNTERS = """
SELECT schemaname, relname, n_tup_ins AS inserts, n_tup_upd AS updates, n_tup_del AS deletes
FROM pg_stat_user_tables WHERE schemaname = ANY($1) AND relname <> '_prisma_migrations'
"""
_SINCE = """
SELECT extract(epoch FROM clock_timestamp() - coalesce(stats_reset, pg_postmaster_start_time()))::float8
FROM pg_stat_database WHERE datname = current_database()
"""


@dataclass(frozen=True)
class Rhythm:
    """Rows a second."""

    inserts: float = 0.0
    updates: float = 0.0
    deletes: float = 0.0

    @property
    def total(self) -> float:
        """All writes a second."""
        return self.inserts + self.updates + self.deletes

    def times(self, factor: float) -> Rhythm:
        """So many times as often."""
        return Rhythm(self.inserts * factor, self.updates * factor, self.deletes * factor)


@dataclass(frozen=True)
class Measured:
    """The rhythm of each table that is written at all, and what it was taken from, in words."""

    tables: Mapping[Table, Rhythm]
    source: str


async def measured(url: str, schemas: Collection[str], window: float = 5.0) -> Measured:
    """What is written in these schemas: within `window` seconds from now, or, where nothing is, since the
    statistics began.

    Raises:
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        before = await _counters(connection, schemas)
        await asyncio.sleep(window)
        after = await _counters(connection, schemas)
        nothing = (0, 0, 0)
        found = {table: _rhythm(before.get(table, nothing), now, window) for table, now in after.items()}
        source = f"measured for {window:g} s"
        if not any(each.total for each in found.values()):
            seconds = max(1.0, await connection.fetchval(_SINCE))
            found = {table: _rhythm(nothing, now, seconds) for table, now in after.items()}
            source = f"nothing was written for {window:g} s; the mean of {seconds / 3600:.1f} h"
    finally:
        await connection.close()
    return Measured({table: rhythm for table, rhythm in found.items() if rhythm.total > 0}, source)


async def _counters(
    connection: asyncpg.Connection[asyncpg.Record], schemas: Collection[str]
) -> dict[Table, tuple[int, int, int]]:
    rows = await connection.fetch(_COUNTERS, list(schemas))
    return {
        Table(row["schemaname"], row["relname"]): (row["inserts"], row["updates"], row["deletes"])
        for row in rows
    }


def _rhythm(before: tuple[int, int, int], after: tuple[int, int, int], seconds: float) -> Rhythm:
    # Counters begin anew when they are reset meanwhile.
    return Rhythm(*(max(0, now - then) / seconds for then, now in zip(before, after, strict=True)))
