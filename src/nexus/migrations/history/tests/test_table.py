from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from nexus.migrations.errors import MigrationBlocked
from nexus.migrations.history.table import ensure_table, fail_row
from nexus.migrations.history.tests.rows import start_row
from nexus.migrations.history.turn import LOCK, holder, turn
from nexus.migrations.migration import Source
from nexus.migrations.reading import read


@pytest.fixture
async def other(pg: Any, connection: Any) -> Any:
    """Another session of the same database."""
    database = await connection.fetchval("SELECT current_database()")
    session = await asyncpg.connect(pg.dsn("postgres", database, pg.password))
    yield session
    await session.close()


async def test_the_table_belongs_to_the_owner_and_the_role_reads_it(connection: Any, source: Source) -> None:
    await ensure_table(connection, source)
    await ensure_table(connection, source)
    table = "SELECT tableowner FROM pg_tables WHERE schemaname = 'shop' AND tablename = '_prisma_migrations'"
    assert await connection.fetchval(table) == "shop_owner"
    for right, has in (("SELECT", True), ("INSERT", False), ("DELETE", False)):
        asked = f"SELECT has_table_privilege('shop', 'shop._prisma_migrations', '{right}')"
        assert await connection.fetchval(asked) is has, right


async def test_the_role_reads_a_table_that_prisma_made(connection: Any, source: Source) -> None:
    await connection.execute("CREATE TABLE shop._prisma_migrations (id varchar(36) PRIMARY KEY)")
    await ensure_table(connection, source)
    readable = "SELECT has_table_privilege('shop', 'shop._prisma_migrations', 'SELECT')"
    assert await connection.fetchval(readable)


async def test_a_reason_always_makes_a_row_failed(connection: Any, source: Source) -> None:
    await ensure_table(connection, source)
    first, second, _ = read(source)
    for migration, logs in ((first, ""), (second, "a\0b")):
        id = await start_row(connection, source, migration)
        await fail_row(connection, source, id, logs)
    rows = await connection.fetch("SELECT logs FROM shop._prisma_migrations ORDER BY started_at")
    assert [row["logs"] for row in rows] == ["failed", "ab"]


async def test_others_wait_for_their_turn_without_a_query(connection: Any, other: Any) -> None:
    order: list[str] = []

    async def second() -> None:
        async with turn(other):
            order.append("second")

    async with turn(connection), turn(connection):
        waiting = asyncio.create_task(second())
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.3)
        order.append("first")
    await waiting
    assert order == ["first", "second"]
    assert pid != other.get_server_pid()
    assert await holder(connection) is None


async def test_nobody_loses_patience_while_turns_pass_on(connection: Any, other: Any, pg: Any) -> None:
    database = await connection.fetchval("SELECT current_database()")
    last = await asyncpg.connect(pg.dsn("postgres", database, pg.password))

    async def wait() -> None:
        async with turn(last, patience=2.5):
            pass

    try:
        async with turn(connection):
            # Whoever waits in a query is the next one, without a poll in between.
            following = asyncio.create_task(other.execute(f"SELECT pg_advisory_lock({LOCK})"))
            waiting = asyncio.create_task(wait())
            await asyncio.sleep(1.5)
        await following
        await asyncio.sleep(1.5)
        await other.execute(f"SELECT pg_advisory_unlock({LOCK})")
        await waiting
    finally:
        await last.close()


async def test_who_holds_the_turn_is_named(connection: Any, other: Any) -> None:
    async with turn(connection):
        with pytest.raises(
            MigrationBlocked, match=rf"session {connection.get_server_pid()} has changed schemas"
        ):
            async with turn(other, patience=0.1):
                pass
        assert await holder(other) == connection.get_server_pid()
