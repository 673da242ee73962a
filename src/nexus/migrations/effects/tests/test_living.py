"""What is read of a living database."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio

from nexus.migrations.effects import read_living
from nexus.migrations.effects.effect import ForeignKey, Living, Table

WORLD = """
CREATE SCHEMA shop; CREATE SCHEMA "Odd"; SET search_path = shop;
CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN loose AS int;
CREATE TABLE customer (id int PRIMARY KEY, tax varchar(20), gone int,
    CONSTRAINT there CHECK (tax IS NOT NULL), CHECK (id > 0));
ALTER TABLE customer DROP COLUMN gone;
ALTER TABLE customer ADD CONSTRAINT late CHECK (id < 9) NOT VALID;
ALTER TABLE customer ADD CONSTRAINT later NOT NULL tax NOT VALID;
CREATE TABLE orders (id bigint, customer int REFERENCES customer);
CREATE VIEW names AS SELECT id FROM customer; CREATE VIEW names_of_names AS SELECT id FROM names;
CREATE INDEX by_customer ON orders (customer, id);
CREATE TABLE part (day date) PARTITION BY RANGE (day);
CREATE TABLE part_1 PARTITION OF part DEFAULT PARTITION BY RANGE (day);
CREATE TABLE part_2 PARTITION OF part_1 DEFAULT;
CREATE TABLE "Odd"."Na""me" (id int);
INSERT INTO "Odd"."Na""me" VALUES (1);
INSERT INTO orders SELECT i FROM generate_series(1, 1000) i;
ANALYZE orders;
"""
_counter = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="session")
async def dsn(pg: Any) -> AsyncIterator[str]:
    name = f"living_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    dsn = pg.dsn("postgres", name, pg.password)
    connection = await asyncpg.connect(dsn)
    await connection.execute(WORLD)
    await connection.close()
    yield dsn


async def read(dsn: str) -> Living:
    connection = await asyncpg.connect(dsn)
    try:
        return await read_living(connection, ("shop", "Odd"))
    finally:
        await connection.close()


async def test_tables_are_read_with_what_decides_how_much_a_change_hurts(dsn: str) -> None:
    living = await read(dsn)
    customer, orders = Table("shop", "customer"), Table("shop", "orders")
    assert living.tables[customer].columns == {"id": "integer", "tax": "character varying(20)"}
    assert living.tables[customer].not_null == {"id"}
    assert not living.tables[customer].nonempty
    assert living.tables[orders].rows == 1000
    assert living.tables[orders].bytes >= 32768
    assert living.tables[orders].total > living.tables[orders].bytes
    assert living.tables[Table("Odd", 'Na"me')].nonempty
    assert set(living.validated_checks[customer]) == {"CHECK ((tax IS NOT NULL))", "CHECK ((id > 0))"}
    assert living.indexes[Table("shop", "by_customer")] == orders
    assert set(living.index_columns[Table("shop", "by_customer")]) == {"customer", "id"}
    assert living.foreign_keys[orders] == {
        "orders_customer_fkey": ForeignKey(("customer",), customer, ("id",))
    }
    assert living.children[Table("shop", "part")] == (Table("shop", "part_1"), Table("shop", "part_2"))
    assert living.views[customer] == (Table("shop", "names"), Table("shop", "names_of_names"))
    assert living.domains == {Table("shop", "positive")}
    assert "now" in living.settled
    assert "random" not in living.settled
    assert living.version >= 180000


async def test_a_table_that_somebody_has_locked_is_not_waited_for(dsn: str) -> None:
    orders, customer = Table("shop", "orders"), Table("shop", "customer")
    free = (await read(dsn)).tables
    holder = await asyncpg.connect(dsn)
    try:
        await holder.execute("BEGIN; LOCK TABLE shop.orders, shop.customer")
        async with asyncio.timeout(60):
            locked = (await read(dsn)).tables
    finally:
        await holder.close()
    assert locked[orders].rows == 1000
    assert 0 < locked[orders].bytes <= free[orders].bytes
    assert locked[orders].total > locked[orders].bytes
    assert locked[customer].nonempty, "nobody could look"
    assert not free[customer].nonempty
    assert locked.keys() == free.keys()
