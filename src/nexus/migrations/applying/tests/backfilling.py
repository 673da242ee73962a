"""A batched statement in a database of its own, carried out as often as it takes."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from nexus.migrations import owner_of, provision
from nexus.migrations.applying.backfill import run_batches
from nexus.migrations.applying.session import open_session
from nexus.migrations.applying.settings import Settings, Throttle, Told
from nexus.migrations.applying.steps import Run, begin_step, start_rows
from nexus.migrations.history.table import ensure_table
from nexus.migrations.journal import ensure_journal
from nexus.migrations.migration import Migration, Source
from nexus.migrations.statements import statements

SHOP = Source("shop", "shop", owner_of("shop"), "shop", Path())
EAGER = Settings(throttle=Throttle(share=1.0, batch_seconds=0.001), restore_point=False)
_counter = itertools.count(1)


@dataclass
class Backfill:
    """One run of a batched statement, whoever carries it out."""

    dsn: str
    id: str
    migration: Migration
    told: list[Told] = field(default_factory=list)

    async def run(self, settings: Settings = EAGER, tell: Any = None) -> int:
        """The rows written in all."""

        def hear(told: Told) -> None:
            self.told.append(told)
            if tell is not None:
                tell(told)

        async with open_session(self.dsn, SHOP, settings, hear) as session:
            session.migration = self.migration
            (statement,) = statements(self.migration)
            try:
                await begin_step(session.connection, self.id, statement)
                return await run_batches(session, self.id, statement, statement.batch or 0)
            except BaseException:
                if not session.connection.is_closed():
                    await session.roll_back()
                raise

    def sentences(self, kind: str) -> list[str]:
        """What was told of this kind."""
        return [each.sentence for each in self.told if each.kind == kind]


@asynccontextmanager
async def database(pg: Any) -> AsyncIterator[Any]:
    """A superuser's connection that works as the shop's owner, in a database of its own."""
    name = f"backfill_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    connection = await asyncpg.connect(pg.dsn("postgres", name, pg.password))
    await connection.execute(provision("shop", "shop", "word"))
    await ensure_journal(connection)
    await connection.execute("SET search_path = shop; SET ROLE shop_owner")
    try:
        yield connection
    finally:
        await connection.close()


def dsn_of(pg: Any, db: Any) -> str:
    """The address of a database of `database`."""
    return str(pg.dsn("postgres", db._params.database, pg.password))


async def begin(pg: Any, db: Any, sql: str, batch: int = 100) -> Backfill:
    """A run that is begun, of a statement that goes over `batch` rows at a time."""
    migration = Migration("20260101000000_fill", f"-- nexus: batch={batch}\n{sql}", "0" * 64)
    run_id = f"run-{next(_counter)}"
    connection = await asyncpg.connect(dsn_of(pg, db))
    await ensure_table(connection, SHOP)
    await connection.execute(start_rows(SHOP, migration, Run(run_id, migration.checksum, False)))
    await connection.close()
    return Backfill(dsn_of(pg, db), run_id, migration)


async def counts(db: Any) -> dict[int, int]:
    """The values of `n` in the table `t`, and how often each is there."""
    return {row[0]: row[1] for row in await db.fetch("SELECT n, count(*) FROM t GROUP BY n")}
