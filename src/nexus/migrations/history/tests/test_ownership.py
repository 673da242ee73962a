from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from nexus.migrations.errors import MigrationBlocked
from nexus.migrations.history import read_history
from nexus.migrations.history.ownership import take_over
from nexus.migrations.history.resolve import baseline
from nexus.migrations.history.table import ensure_table
from nexus.migrations.migration import Source

_OTHERS = """
SET search_path = shop;
CREATE EXTENSION pg_trgm SCHEMA shop;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN tax_id AS text CHECK (length(value) = 14);
CREATE TABLE "Order" (id serial PRIMARY KEY, code int GENERATED ALWAYS AS IDENTITY, mood mood);
CREATE TABLE parted (id int) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (9);
CREATE SEQUENCE numbers;
CREATE VIEW seen AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
CREATE PROCEDURE nothing() LANGUAGE sql AS '';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
RESET search_path
"""
_OWNERS = """
SELECT DISTINCT pg_get_userbyid(owner) FROM (
    SELECT relowner AS owner, oid FROM pg_class WHERE relnamespace = 'shop'::regnamespace
    UNION ALL SELECT typowner, oid FROM pg_type WHERE typnamespace = 'shop'::regnamespace
    UNION ALL SELECT proowner, oid FROM pg_proc WHERE pronamespace = 'shop'::regnamespace) AS all_of_it
WHERE NOT EXISTS (SELECT FROM pg_depend WHERE objid = oid AND deptype = 'e')
"""


async def test_all_that_others_made_is_the_owners(connection: Any, source: Source) -> None:
    await connection.execute(_OTHERS)
    taken = await take_over(connection, source)
    assert 'shop."Order"' in taken
    assert [row[0] for row in await connection.fetch(_OWNERS)] == ["shop_owner"]
    assert await take_over(connection, source) == ()


async def test_the_role_may_do_what_it_may_on_tables_of_migrations(connection: Any, source: Source) -> None:
    await connection.execute(_OTHERS)
    await take_over(connection, source)
    await connection.execute("SET ROLE shop")
    try:
        await connection.execute("INSERT INTO shop.\"Order\" (mood) VALUES ('good')")
        assert await connection.fetchval("SELECT nextval('shop.numbers')") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute('DROP TABLE shop."Order"')
    finally:
        await connection.execute("RESET ROLE")


async def test_rights_that_a_migration_took_stay_taken(connection: Any, source: Source) -> None:
    await connection.execute("SET ROLE shop_owner; CREATE TABLE shop.ledger (id int)")
    await connection.execute("REVOKE DELETE ON shop.ledger FROM shop; RESET ROLE; CREATE TABLE shop.other ()")
    assert await take_over(connection, source) == ("shop.other",)
    deletes = "SELECT has_table_privilege('shop', 'shop.ledger', 'DELETE')"
    assert not await connection.fetchval(deletes)


async def test_prismas_table_stays_whose_it_is(connection: Any, source: Source) -> None:
    await connection.execute("CREATE TABLE shop._prisma_migrations (id varchar(36) PRIMARY KEY)")
    await ensure_table(connection, source)
    assert await take_over(connection, source) == ()


async def test_a_table_in_use_is_waited_for_without_a_queue(connection: Any, source: Source, pg: Any) -> None:
    await connection.execute("CREATE TABLE shop.busy (id int)")
    database = await connection.fetchval("SELECT current_database()")
    other = await asyncpg.connect(pg.dsn("postgres", database, pg.password))
    try:
        async with other.transaction():
            await other.execute("SELECT count(*) FROM shop.busy")
            with pytest.raises(MigrationBlocked, match=r'ALTER TABLE shop\.busy OWNER TO "shop_owner"'):
                await take_over(connection, source, patience=0)
        assert await take_over(connection, source) == ("shop.busy",)
    finally:
        await other.close()


async def test_a_baseline_that_cannot_take_what_it_found_records_nothing(
    connection: Any, source: Source, pg: Any
) -> None:
    await connection.execute("CREATE TABLE shop.busy (id int)")
    database = await connection.fetchval("SELECT current_database()")
    other = await asyncpg.connect(pg.dsn("postgres", database, pg.password))
    try:
        async with other.transaction():
            await other.execute("SELECT count(*) FROM shop.busy")
            with pytest.raises(MigrationBlocked):
                await baseline(connection, source, None, patience=0)
        assert (await read_history(connection, source)).rows == ()
        assert len(await baseline(connection, source, None)) == 3
    finally:
        await other.close()


async def test_a_baseline_takes_what_it_found(connection: Any, source: Source) -> None:
    await connection.execute("CREATE TABLE shop.table_1 (id int)")
    await baseline(connection, source, "1_items")
    await connection.execute("SET ROLE shop_owner; ALTER TABLE shop.table_1 ADD COLUMN x int; RESET ROLE")
