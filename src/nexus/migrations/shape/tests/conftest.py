from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest_asyncio

_counter = itertools.count(1)
MakeDatabase = Callable[[], Awaitable[str]]


@pytest_asyncio.fixture(loop_scope="session")
async def make_database(pg: Any) -> AsyncIterator[MakeDatabase]:
    """Makes empty databases and returns their addresses; they are dropped afterwards."""
    made: list[str] = []

    async def make() -> str:
        name = f"shape_{next(_counter)}"
        await _run(pg.admin_dsn, f"CREATE DATABASE {name}")
        made.append(name)
        return str(pg.dsn("postgres", name, pg.password))

    yield make
    for name in made:
        await _run(pg.admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def _run(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
