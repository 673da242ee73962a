"""A merge changes no rows but those that it tells of, whatever references do along with them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from nexus_kit.testing.servers import PostgresServer

from nexus.recovery.errors import MergeRefused
from nexus.recovery.merging.tests.two import EVERYTHING, Two, two


@pytest_asyncio.fixture
async def crm(server: PostgresServer) -> AsyncIterator[Two]:
    async with two(server) as found:
        yield found


@pytest.mark.parametrize("action", ["SET NULL", "CASCADE"])
async def test_a_referenced_value_is_not_put_back_where_rows_that_refer_would_change(
    crm: Two, action: str
) -> None:
    await crm.both(
        "CREATE TABLE a (id int PRIMARY KEY, code text UNIQUE, t int)",
        f"CREATE TABLE b (id int PRIMARY KEY, code text REFERENCES a (code) ON UPDATE {action})",
        "INSERT INTO a VALUES (1, 'A', 1), (2, 'C', 2)",
    )
    await crm.run(
        crm.now, "UPDATE a SET code = 'B' WHERE id = 1", "UPDATE a SET t = 0", "INSERT INTO b VALUES (7, 'B')"
    )
    with pytest.raises(MergeRefused, match="1 rows of b refer to values of a that would be put back"):
        await crm.merge(await crm.compare("a", policy=EVERYTHING))
    assert await crm.rows("b") == [("(7,B)",)]
    assert (await crm.merge(await crm.compare("a", where="id = 2", policy=EVERYTHING))).put == 1


async def test_a_row_of_the_same_table_that_is_kept_is_not_deleted_along(crm: Two) -> None:
    await crm.both("CREATE TABLE a (id int PRIMARY KEY, p int REFERENCES a ON DELETE CASCADE, t text)")
    await crm.run(crm.now, "INSERT INTO a VALUES (1, NULL, 'parent'), (2, 1, 'child')")
    found = await crm.compare("a", policy=EVERYTHING)
    await crm.run(crm.now, "UPDATE a SET t = 'edited' WHERE id = 2")
    with pytest.raises(MergeRefused, match="compare again"):
        await crm.merge(found)
    assert len(await crm.rows("a")) == 2
    assert (await crm.merge(await crm.compare("a", policy=EVERYTHING))).away == 2


async def test_a_reference_to_a_column_that_was_added_since_drags_nothing_along(crm: Two) -> None:
    await crm.both("CREATE TABLE a (id int PRIMARY KEY, t text)")
    await crm.run(
        crm.now,
        "ALTER TABLE a ADD code text UNIQUE",
        "CREATE TABLE b (id int PRIMARY KEY, code text REFERENCES a (code) ON DELETE CASCADE)",
        "INSERT INTO a VALUES (1, 'x', 'c')",
        "INSERT INTO b VALUES (7, 'c')",
    )
    with pytest.raises(MergeRefused, match="--table b"):
        await crm.merge(await crm.compare("a", policy=EVERYTHING))
    assert await crm.rows("b") == [("(7,c)",)]


async def test_rows_of_a_table_that_inherits_are_its_own(crm: Two) -> None:
    await crm.both(
        "CREATE TABLE a (id int PRIMARY KEY, t text)",
        "CREATE TABLE a2 (x int, PRIMARY KEY (id)) INHERITS (a)",
        "INSERT INTO a VALUES (1, 'y')",
        "INSERT INTO a2 VALUES (1, 'x', 5)",
    )
    await crm.run(crm.now, "DELETE FROM a2", "UPDATE a SET t = 'z'")
    merged = await crm.merge(await crm.compare(policy=EVERYTHING))
    assert (merged.back, merged.put) == (1, 1)
    for table in ("a", "a2"):
        assert await crm.rows(table) == await crm.rows(table, crm.then)
