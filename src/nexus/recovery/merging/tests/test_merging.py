"""Rows come back as they were, and nothing that was done since is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from nexus_kit.testing.servers import PostgresServer

from nexus.business import Invariant
from nexus.recovery.errors import MergeRefused, RecoveryFailed
from nexus.recovery.merging.difference import Policy
from nexus.recovery.merging.tests.two import EVERYTHING, Two, two

TABLES = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE customer (
    id uuid DEFAULT gen_random_uuid() PRIMARY KEY, number bigserial UNIQUE, name text NOT NULL, mood mood,
    price numeric(18, 2), told json, facts jsonb, tags text[], photo bytea, at timestamptz, code char(4),
    active boolean, search text GENERATED ALWAYS AS (lower(name)) STORED, parent uuid REFERENCES customer);
CREATE TABLE contact (
    customer uuid REFERENCES customer ON DELETE CASCADE, line int, text text,
    seq bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (customer, line));
CREATE TABLE note (text text);
CREATE TABLE outbox (seq bigint PRIMARY KEY);
"""
ROWS = r"""
INSERT INTO customer (id, number, name, mood, price, told, facts, tags, photo, at, code, active, parent)
SELECT md5(n::text)::uuid, n, E'tab\t line\n back\\slash é ' || n,
    CASE n % 3 WHEN 0 THEN 'good' WHEN 1 THEN 'bad' END::mood,
    n * 1.10, '{"a":  1}', '{"b": [1, null]}', CASE WHEN n % 2 = 0 THEN ARRAY['x', NULL, 'y,z'] END,
    decode(md5(n::text), 'hex'), timestamptz '2026-11-01' + n * interval '1 second', 'ab', n % 2 = 0,
    CASE WHEN n > 1 THEN md5((n - 1)::text)::uuid END
FROM generate_series(1, 50) AS n;
INSERT INTO contact (customer, line, text) SELECT md5(n::text)::uuid, l, NULL
FROM generate_series(1, 50) AS n, generate_series(1, 2) AS l;
SELECT setval('customer_number_seq', 50);
"""


@pytest_asyncio.fixture
async def crm(server: PostgresServer) -> AsyncIterator[Two]:
    async with two(server) as found:
        await found.both(TABLES, ROWS)
        yield found


async def test_deleted_and_changed_rows_come_back_and_new_ones_stay(crm: Two) -> None:
    await crm.run(
        crm.now,
        "DELETE FROM customer WHERE number > 40",
        "UPDATE customer SET price = 0, told = NULL, tags = '{}' WHERE number <= 10",
        "INSERT INTO customer (name, number) VALUES ('new', 100)",
        "SELECT setval('customer_number_seq', 1)",
    )
    before = set(await crm.rows("customer", crm.then))
    found = await crm.compare()
    customer, contact = found.tables
    assert (customer.deleted, customer.changed, customer.added) == (10, 10, 1)
    assert contact.deleted == 20
    assert dict(customer.differ) == {"price": 10, "told": 10, "tags": 10}
    (writer,) = [each for each in customer.writers if each.rows == 10]
    assert writer.at is not None
    assert found.order == ("customer", "contact")
    assert any("note has no primary key" in each for each in found.notes)
    merged = await crm.merge(found)
    assert (merged.back, merged.put, merged.away, merged.kept) == (30, 10, 0, 0)
    after = await crm.rows("customer")
    assert before < set(after)
    assert len(after) == 51
    assert await crm.rows("contact") == await crm.rows("contact", crm.then)
    assert await crm.value("SELECT nextval('crm.customer_number_seq')") == 51
    again = await crm.merge(found)  # as after a kill just after the commit
    assert (again.back, again.put, again.kept) == (0, 0, 40)
    assert not (await crm.compare()).written
    with pytest.raises(MergeRefused, match="not there any more"):
        await crm.merge(found)


async def test_rows_made_since_go_only_when_asked_and_drag_nothing_along(crm: Two) -> None:
    await crm.run(
        crm.now,
        "INSERT INTO customer (id, name) VALUES (md5('new')::uuid, 'new')",
        "INSERT INTO contact (customer, line) VALUES (md5('new')::uuid, 1)",
    )
    found = await crm.compare("customer", policy=EVERYTHING)
    with pytest.raises(MergeRefused, match="--table contact"):
        await crm.merge(found)
    merged = await crm.merge(await crm.compare("customer", "contact", policy=EVERYTHING))
    assert merged.away == 2
    for table in ("customer", "contact"):
        assert await crm.rows(table) == await crm.rows(table, crm.then)


async def test_what_was_written_after_the_damage_is_a_conflict(crm: Two) -> None:
    await crm.run(crm.now, "UPDATE customer SET price = 0 WHERE number <= 3")
    until = float(await crm.value("SELECT extract(epoch FROM clock_timestamp())"))
    await crm.run(crm.now, "UPDATE customer SET price = 7 WHERE number = 3")
    found = await crm.compare("customer", policy=Policy(changed=True, until=until))
    (table,) = found.tables
    assert (table.put, table.conflicts) == (2, 1)
    (conflict,) = [each for each in table.samples if each.does == "conflict"]
    assert (conflict.then, conflict.now) == ({"price": "3.30"}, {"price": "7.00"})
    assert conflict.at is not None
    assert conflict.at > until
    await crm.merge(found)
    assert await crm.value("SELECT price::float FROM crm.customer WHERE number = 3") == 7
    taken = await crm.compare("customer", policy=Policy(changed=True, until=until, take="then"))
    await crm.merge(taken)
    assert await crm.rows("customer") == await crm.rows("customer", crm.then)


async def test_a_row_changed_after_the_comparison_is_kept(crm: Two) -> None:
    await crm.run(crm.now, "UPDATE customer SET price = 0 WHERE number <= 2")
    found = await crm.compare("customer")
    await crm.run(crm.now, "UPDATE customer SET price = 9 WHERE number = 1")
    merged = await crm.merge(found)
    assert (merged.put, merged.kept) == (1, 1)
    assert await crm.value("SELECT price::float FROM crm.customer WHERE number = 1") == 9


async def test_unique_values_may_have_moved(crm: Two) -> None:
    await crm.run(
        crm.now,
        "DELETE FROM customer WHERE number = 50",
        "UPDATE customer SET number = 50, parent = NULL WHERE number = 49",
    )
    await crm.merge(await crm.compare())
    assert await crm.rows("customer") == await crm.rows("customer", crm.then)


async def test_a_value_that_was_taken_since_is_named(crm: Two) -> None:
    await crm.run(
        crm.now,
        "DELETE FROM customer WHERE number = 50",
        "INSERT INTO customer (name, number) VALUES ('n', 50)",
    )
    with pytest.raises(MergeRefused, match=r"same value: .*\(number\)=\(50\).*nothing was changed"):
        await crm.merge(await crm.compare("customer"))


async def test_rows_that_belong_together_are_named(crm: Two) -> None:
    await crm.run(crm.now, "DELETE FROM customer WHERE number = 50")
    with pytest.raises(MergeRefused, match="add --table customer"):
        await crm.merge(await crm.compare("contact"))
    found = await crm.compare("customer")
    assert any("--table contact" in each for each in found.notes)


async def test_a_condition_chooses_rows_by_what_they_are_or_were(crm: Two) -> None:
    await crm.run(crm.now, "UPDATE customer SET price = 0")
    found = await crm.compare("customer", where="price > 50 AND lower(name) LIKE 'tab%'")
    assert found.tables[0].put == 5


async def test_a_condition_can_only_ask(crm: Two) -> None:
    for where, why in (
        ("pg_sleep(1) IS NULL", "change nothing"),
        ("price > (SELECT 1)", "a query"),
        ("nonsense > 1", "no column"),
        ("true); DELETE FROM customer; SELECT (1", "one condition"),
        ("true GROUP BY (1", "cannot be read"),
        ("true) GROUP BY (1", "one condition"),
        ("price >", "cannot be read"),
        ("other.price > 1", "no column"),
        ("crm.f()", "change nothing"),
        ("price > $1", "not allowed"),
    ):
        with pytest.raises(MergeRefused, match=why):
            await crm.compare("customer", where=where)
    await crm.compare("customer", where="(price > 1) OR (customer.tags[1] = ANY (ARRAY['x']))")


async def test_tables_that_cannot_be_compared_are_refused(crm: Two) -> None:
    await crm.run(crm.now, "DROP TABLE contact", "CREATE TABLE fresh (id int PRIMARY KEY)")
    for table, why in (
        ("note", "no primary key"),
        ("outbox", "never brought back"),
        ("contact", "was dropped since"),
        ("fresh", "was made since"),
        ("custome", "customer"),
    ):
        with pytest.raises(MergeRefused, match=why):
            await crm.compare(table)


async def test_a_schema_that_changed_since_is_mapped_by_name(crm: Two) -> None:
    await crm.run(
        crm.now,
        "DELETE FROM customer WHERE number = 50",
        "ALTER TABLE customer DROP COLUMN photo, ADD COLUMN rank int NOT NULL DEFAULT 5, "
        "ALTER COLUMN price TYPE numeric(20, 4), ALTER COLUMN mood TYPE text",
    )
    found = await crm.compare("customer")
    assert found.tables[0].changed == 0
    told = " ".join(found.notes)
    for text in ("photo was removed", "rank was added", "price was numeric(18,2)"):
        assert text in told
    await crm.merge(found)
    assert await crm.value("SELECT rank FROM crm.customer WHERE number = 50") == 5


async def test_triggers_are_respected_until_the_operator_says_otherwise(crm: Two) -> None:
    guard = """
    CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'contacts are only ever added'; END$$;
    CREATE TRIGGER guard BEFORE UPDATE ON contact FOR EACH ROW EXECUTE FUNCTION guard()
    """
    await crm.run(crm.now, "UPDATE contact SET text = 'x' WHERE line = 1")
    await crm.both(guard)
    found = await crm.compare("contact")
    assert any("may refuse: guard" in each for each in found.notes)
    with pytest.raises(
        MergeRefused, match=r"trigger \(guard\) refuses: contacts are only.*--bypass-triggers"
    ):
        await crm.merge(found)
    merged = await crm.merge(found, bypass=True)
    assert merged.put == 50
    assert await crm.rows("contact") == await crm.rows("contact", crm.then)
    assert await crm.value("SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'guard'") == "O"


async def test_a_merge_that_breaks_an_invariant_is_undone(crm: Two) -> None:
    file = Path("x.sql")
    sql = "SELECT name FROM crm.customer WHERE price > 54"
    cheap = Invariant("cheap", "customers pay little", ("crm",), None, file, sql)
    old = Invariant("old", "it does not hold before either", ("crm",), None, file, "SELECT 1 AS one")
    await crm.run(crm.now, "DELETE FROM customer WHERE number = 50")
    found = await crm.compare()
    with pytest.raises(MergeRefused, match=r"cheap.*1 row, such as name"):
        await crm.merge(found, (cheap, old))
    with pytest.raises(MergeRefused, match="cheap"):
        await crm.merge(found, (cheap, old), override=True, bypass=True)
    assert await crm.value("SELECT count(*) FROM crm.customer") == 49
    assert (await crm.merge(found, (cheap, old), override=True)).broken == ("cheap",)


async def test_who_holds_a_lock_is_told_and_nothing_changed(crm: Two) -> None:
    await crm.run(crm.now, "UPDATE customer SET price = 0 WHERE number = 1")
    found = await crm.compare("customer")
    holder = await asyncpg.connect(crm.now, server_settings={"application_name": "a long report"})
    try:
        await holder.execute("BEGIN; LOCK TABLE crm.customer IN SHARE MODE")
        with pytest.raises(RecoveryFailed, match="a long report"):
            await crm.merge(found, patience=1.5)
        merging = asyncio.create_task(crm.merge(found))
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'crm.customer'::regclass"
        while not await crm.value(waits):
            await asyncio.sleep(0.02)
        await holder.execute("ROLLBACK")
        assert (await merging).put == 1
    finally:
        await holder.close()
