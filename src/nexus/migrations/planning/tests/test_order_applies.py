"""The order holds on a real PostgreSQL: what is applied in it, is applied without an error."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus.migrations.migration import Migration
from nexus.migrations.planning import order
from nexus.migrations.planning.tests.histories import histories

WORLD = """
CREATE SCHEMA crm; CREATE SCHEMA sales; CREATE SCHEMA stock;
CREATE TABLE crm.customer (id int PRIMARY KEY, fax text);
CREATE TABLE sales.orders (id int PRIMARY KEY, customer int, fax text);
CREATE TABLE stock.item (id int PRIMARY KEY);
"""
TOLD = histories(
    crm={
        "1_tax": "ALTER TABLE customer ADD COLUMN tax text; ALTER TABLE customer ADD UNIQUE (tax)",
        "2_no_fax": "ALTER TABLE customer DROP COLUMN fax",
        "3_stock": "CREATE VIEW stocked AS SELECT c.id, s.amount FROM customer c, stock.level s",
        "4_rename": "ALTER TABLE customer RENAME COLUMN tax TO tax_id",
    },
    sales={
        "1_fax": "UPDATE orders o SET fax = c.fax FROM crm.customer c WHERE c.id = o.customer",
        "2_key": "ALTER TABLE orders ADD COLUMN tax text REFERENCES crm.customer (tax)",
        "3_kind": "ALTER TABLE orders ADD COLUMN kind stock.kind DEFAULT stock.usual()",
    },
    stock={
        "1_kind": "CREATE TYPE kind AS ENUM ('own', 'lent')",
        "2_usual": "CREATE FUNCTION usual() RETURNS kind LANGUAGE sql AS $$ SELECT 'own'::stock.kind $$",
        "3_level": "CREATE TABLE level (item int REFERENCES item, amount int)",
        "4_sold": "CREATE VIEW sold AS SELECT o.kind FROM sales.orders o",
    },
)
_counter = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(pg: Any) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Of a database of its own, with three modules' schemas."""
    name = f"order_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    connection = await asyncpg.connect(pg.dsn("postgres", name, pg.password))
    await connection.execute(WORLD)
    yield connection
    await connection.close()


async def apply(connection: Any, migrations: Iterable[tuple[str, Migration]]) -> None:
    async with connection.transaction():
        for module, migration in migrations:
            await connection.execute(f"SET LOCAL search_path = {module}; {migration.sql}")


async def test_what_is_applied_in_the_order_fails_nowhere(connection: Any) -> None:
    await apply(connection, order(TOLD))
    assert await connection.fetchval("SELECT to_regclass('stock.sold') IS NOT NULL")


@pytest.mark.parametrize("modules", list(itertools.permutations(TOLD)))
async def test_module_after_module_it_fails(connection: Any, modules: tuple[str, ...]) -> None:
    one_by_one = [(module, each) for module in modules for each in TOLD[module].pending]
    with pytest.raises(asyncpg.PostgresError):
        await apply(connection, one_by_one)
