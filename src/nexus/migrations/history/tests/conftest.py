"""A schema of a database of its own, and a folder beside it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus.migrations.migration import Source
from nexus.migrations.roles import owner_of, provision

_counter = itertools.count(1)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Three migrations of the module shop."""
    folder = tmp_path / "migrations"
    for number, name in enumerate(("1_items", "2_price", "3_more"), 1):
        script = folder / name / "migration.sql"
        script.parent.mkdir(parents=True)
        script.write_text(f"CREATE TABLE table_{number} (id int);\n")
    return Source("shop", "shop", owner_of("shop"), "shop", folder)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(pg: Any) -> AsyncIterator[Any]:
    """A superuser's connection to a database with the schema shop."""
    name = f"history_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    connection = await asyncpg.connect(pg.dsn("postgres", name, pg.password))
    await connection.execute(provision("shop", "shop", "secret"))
    try:
        yield connection
    finally:
        await connection.close()
