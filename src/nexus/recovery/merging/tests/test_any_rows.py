"""Whatever rows there were and whatever was done to them: a merge makes them what they were."""

from __future__ import annotations

import asyncio
import resource
import string
from collections.abc import Mapping
from typing import Any

import asyncpg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nexus_kit.testing.servers import PostgresServer

from nexus.recovery.merging.difference import Policy
from nexus.recovery.merging.tests.two import EVERYTHING, SCHEMA, Two, two

# One key of each kind that orders differently as text, as bytes and by collation.
TABLE = """
CREATE TABLE thing (
    a text, b numeric, c int, value text, amount numeric(12, 3), facts json, list text[], raw bytea,
    twice text GENERATED ALWAYS AS (value || value) STORED,
    PRIMARY KEY (a, b, c)) PARTITION BY LIST (c);
CREATE TABLE thing_0 PARTITION OF thing FOR VALUES IN (0);
CREATE TABLE thing_rest PARTITION OF thing DEFAULT
"""
TEXT = st.text(st.sampled_from("aAbBzZ019 \\\t\n\r\b\"'|;_-éß€\U0001f600" + string.punctuation), max_size=6)
KEY = st.tuples(TEXT, st.decimals(-20, 20, places=2), st.integers(-11, 11))
VALUES = st.tuples(
    st.none() | TEXT,
    st.none() | st.decimals(-1000, 1000, places=3),
    st.none() | st.sampled_from(['{"a":  1}', '{"a": 1}', "[null]", '"\\\\n"']),
    st.none() | st.lists(st.none() | TEXT, max_size=3),
    st.none() | st.binary(max_size=5),
)
TABLES = st.dictionaries(KEY, VALUES, max_size=12)
NAMES = "a, b, c, value, amount, facts, list, raw"


async def fill(url: str, rows: Mapping[Any, Any]) -> None:
    connection = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    try:
        await connection.execute("TRUNCATE thing")
        await connection.executemany(
            f"INSERT INTO thing ({NAMES}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [(*key, *values) for key, values in rows.items()],
        )
    finally:
        await connection.close()


def test_any_tables(server: PostgresServer) -> None:
    with asyncio.Runner() as runner:
        made = two(server)
        crm = runner.run(made.__aenter__())
        try:
            runner.run(crm.both(TABLE))

            @settings(
                max_examples=40,
                deadline=None,
                phases=(Phase.explicit, Phase.generate),
                suppress_health_check=list(HealthCheck),
            )
            @given(TABLES, TABLES, st.sets(st.integers(0, 11)), st.booleans())
            def holds(old: Any, new: Any, common: set[int], everything: bool) -> None:
                shared = [
                    key for n, key in enumerate(old) if n in common
                ]  # in both, mostly with other values
                left = {**new, **dict(zip(shared, [*new.values(), *old.values()], strict=False))}
                runner.run(check(crm, old, left, EVERYTHING if everything else Policy(changed=True)))

            holds()
        finally:
            runner.run(made.__aexit__(None, None, None))


async def check(crm: Two, old: Mapping[Any, Any], new: Mapping[Any, Any], policy: Policy) -> None:
    await fill(crm.then, old)
    await fill(crm.now, new)
    now = await crm.rows("thing")
    found = await crm.compare("thing", policy=policy)
    merged = await crm.merge(found)
    assert merged.kept == 0
    then, after = await crm.rows("thing", crm.then), await crm.rows("thing")
    if policy.added:
        assert after == then
        return
    made_since = [key for key in new if key not in old]
    assert len(after) == len(then) + len(made_since)
    assert set(then) <= set(after)
    assert set(after) - set(then) <= set(now)


async def test_many_rows_are_compared_in_little_memory(server: PostgresServer) -> None:
    async with two(server) as crm:
        await crm.both(
            "CREATE TABLE big (id bigint PRIMARY KEY, name text, price numeric(18, 2))",
            "INSERT INTO big SELECT n, 'number ' || n, n FROM generate_series(1, 400000) AS n",
        )
        await crm.run(
            crm.now, "DELETE FROM big WHERE id % 10 = 0", "UPDATE big SET price = 0 WHERE id % 1000 = 1"
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = await crm.compare("big")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 20_000  # KB; the rows are more than 40 MB as Python has them
        (table,) = found.tables
        assert (table.back, table.put) == (40_000, 400)
        await crm.merge(found)
        assert (
            await crm.value("SELECT (count(*), sum(price))::text FROM crm.big") == "(400000,80000200000.00)"
        )
