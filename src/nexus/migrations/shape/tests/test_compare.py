"""A schema that has drifted becomes what it should be by the statements of the comparison."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus.migrations.shape import Shape, compare, in_order, read_shape
from nexus.migrations.shape.tests.mutations import BASE, MUTATIONS, ROLES

SCHEMAS = ("shop", "Odd name")
EMPTY = 'RESET ALL; DROP SCHEMA IF EXISTS shop, "Odd name" CASCADE'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(pg: Any) -> AsyncIterator[Any]:
    """One for all: PostgreSQL has read its catalogue already when the next test asks for it."""
    admin = await asyncpg.connect(pg.admin_dsn)
    try:
        await admin.execute("CREATE DATABASE shape_compared")
        connection = await asyncpg.connect(pg.dsn("postgres", "shape_compared", pg.password))
        yield connection
        await connection.close()
    finally:
        await admin.execute("DROP DATABASE IF EXISTS shape_compared WITH (FORCE)")
        await admin.close()


@pytest_asyncio.fixture(loop_scope="session")
async def connection(database: Any) -> Any:
    """A superuser's, to a database in which nothing is left of other tests."""
    await database.execute(EMPTY)
    return database


async def shape_of(connection: Any) -> Shape:
    return await read_shape(connection, SCHEMAS)


async def reconcile(connection: Any, have: Shape, want: Shape) -> None:
    await connection.execute("SET check_function_bodies = off; SET search_path = ''")
    for step in in_order(compare(have, want)):
        try:
            await connection.execute(step.sql)
        except asyncpg.PostgresError as error:
            script = "\n".join(each.sql for each in in_order(compare(have, want)))
            raise AssertionError(f"{error}\nat: {step.sql}\nin:\n{script}") from error


@pytest.mark.parametrize("change", MUTATIONS)
async def test_the_statements_reconcile_both_ways(connection: Any, change: str) -> None:
    await connection.execute(ROLES)
    await connection.execute(BASE)
    before = await shape_of(connection)
    await connection.execute(f"SET search_path = shop; {MUTATIONS[change]}")
    after = await shape_of(connection)
    assert compare(before, after), "the change is seen"
    assert all(each.sentence for each in compare(before, after))
    await reconcile(connection, after, before)
    left = compare(await shape_of(connection), before)
    assert not left, [each.sentence for each in left]
    await reconcile(connection, await shape_of(connection), after)
    left = compare(await shape_of(connection), after)
    assert not left, [each.sentence for each in left]


async def test_a_shape_is_like_itself(connection: Any) -> None:
    await connection.execute(ROLES)
    await connection.execute(BASE)
    assert compare(await shape_of(connection), await shape_of(connection)) == ()


async def test_an_extension_is_brought_up(connection: Any) -> None:
    await connection.execute("CREATE SCHEMA shop; CREATE EXTENSION citext SCHEMA shop VERSION '1.6'")
    before = await shape_of(connection)
    await connection.execute("ALTER EXTENSION citext UPDATE TO '1.8'")
    (found,) = compare(before, await shape_of(connection))
    assert found.sentence == "extension shop.citext: version is 1.6, should be 1.8"
    assert found.sql == "ALTER EXTENSION citext UPDATE TO '1.8';"


async def test_what_is_lost_is_said_and_named(connection: Any) -> None:
    await connection.execute(ROLES)
    await connection.execute(BASE)
    before = await shape_of(connection)
    await connection.execute(
        "ALTER TABLE shop.customers ADD COLUMN vip boolean; CREATE TABLE shop.more (id int PRIMARY KEY);"
        "ALTER TABLE shop.customers ALTER COLUMN home TYPE text;"
        "CREATE INDEX more_orders ON shop.orders (total)"
    )
    found = {str(each.key): each for each in compare(await shape_of(connection), before)}
    assert {key: each.destroys for key, each in found.items()} == {
        "column shop.customers.vip": "all values of shop.customers.vip",
        "table shop.more": "all rows of shop.more",
        "column shop.customers.home": "what shop.place cannot hold of the values of shop.customers.home",
        "index shop.orders.more_orders": "",
    }
    assert found["table shop.more"].sql == "DROP TABLE shop.more;"
    home = found["column shop.customers.home"]
    assert home.sentence == "column shop.customers.home: type is text, should be shop.place"


async def test_an_index_is_renamed_and_not_built_again(connection: Any) -> None:
    await connection.execute(
        "CREATE SCHEMA shop; CREATE TABLE shop.t (a int CONSTRAINT p PRIMARY KEY, b int)"
    )
    await connection.execute("CREATE INDEX i ON shop.t (b)")
    before = await shape_of(connection)
    await connection.execute("ALTER INDEX shop.i RENAME TO j; ALTER TABLE shop.t RENAME CONSTRAINT p TO q")
    found = compare(await shape_of(connection), before)
    assert [(each.what, each.sentence, each.sql) for each in found] == [
        (
            "changed",
            "constraint shop.t.p: its name is q",
            "ALTER TABLE shop.t RENAME CONSTRAINT q TO p;",
        ),
        ("changed", "index shop.t.i: its name is j", "ALTER INDEX shop.j RENAME TO i;"),
    ]
