import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from nexus_kit.testing.servers import PostgresServer, free_port

from nexus.business import Invariant
from nexus.business.check import CheckError, Result, check_invariants


@pytest_asyncio.fixture
async def dsn(pg: PostgresServer) -> AsyncIterator[str]:
    """A database with a table of ten rows, asked by a role that may only read."""
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute("CREATE DATABASE business_check")
    await admin.execute("CREATE ROLE reader LOGIN PASSWORD 'r' IN ROLE pg_read_all_data")
    inside = await asyncpg.connect(pg.dsn("postgres", "business_check", pg.password))
    await inside.execute(
        "CREATE SCHEMA shop; CREATE TABLE shop.t AS SELECT n, n / 2.0 AS half, now() AS at"
        " FROM generate_series(1, 10) n"
    )
    await inside.close()
    yield pg.dsn("reader", "business_check", "r")
    await admin.execute("DROP DATABASE business_check WITH (FORCE)")
    await admin.execute("DROP ROLE reader")
    await admin.close()


def ask(sql: str, name: str = "one") -> Invariant:
    return Invariant(name, f"title of {name}", ("shop",), None, Path(f"{name}.sql"), f"-- title: x\n{sql}")


async def answers(dsn: str, *invariants: Invariant, **options: float) -> list[Result]:
    return [result async for result in check_invariants(dsn, invariants, **options)]  # type: ignore[arg-type]


async def test_an_invariant_that_holds_returns_no_row(dsn: str) -> None:
    (result,) = await answers(dsn, ask("SELECT * FROM shop.t WHERE n > 10;"))
    assert (result.ok, result.rows, result.sample, result.error) == (True, 0, (), "")
    assert result.ms > 0


async def test_all_offending_rows_are_counted_and_some_are_shown(dsn: str) -> None:
    (result,) = await answers(dsn, ask("SELECT n, half, at FROM shop.t ORDER BY n"), sample=3)
    assert (result.ok, result.rows, len(result.sample)) == (False, 10, 3)
    told = json.loads(json.dumps(result.as_dict()))
    assert told["sample"][0]["n"] == 1
    assert told["sample"][0]["half"].startswith("0.5")
    assert set(told) == {"name", "title", "ok", "rows", "ms", "sample"}


async def test_a_question_that_cannot_be_asked_is_no_success_and_does_not_stop_the_others(dsn: str) -> None:
    results = await answers(
        dsn,
        ask("SELECT * FROM shop.nowhere", "gone"),
        ask("DELETE FROM shop.t RETURNING n", "writes"),
        ask("SELECT 1; SELECT 2", "two"),
        ask("SELECT pg_sleep(20)", "slow"),
        ask("SELECT 1 WHERE false", "fine"),
        timeout=0.3,
    )
    assert [(r.name, r.ok) for r in results] == [
        ("gone", False),
        ("writes", False),
        ("two", False),
        ("slow", False),
        ("fine", True),
    ]
    assert results[0].error == 'relation "shop.nowhere" does not exist'
    assert results[3].error == "took longer than allowed"
    assert results[1].as_dict()["error"]
    assert (await answers(dsn, ask("SELECT * FROM shop.t")))[0].rows == 10


async def test_a_database_that_is_away_is_said(dsn: str) -> None:
    with pytest.raises(CheckError, match="the database cannot be asked"):
        await answers(f"postgresql://reader:r@127.0.0.1:{free_port()}/business_check")
    with pytest.raises(CheckError, match="password authentication failed"):
        await answers(dsn.replace("reader:r@", "reader:wrong@"))
