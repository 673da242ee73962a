"""Any schema becomes any other by the statements of their comparison."""

from __future__ import annotations

from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nexus.migrations.shape import compare, in_order, read_shape
from nexus.migrations.shape.tests.modules import connected

TYPES = ("int", "bigint", "text", "varchar(5)", "numeric(6,2)", "date", "mood", "mood[]", "code")
DEFAULTS = {"int": "1", "bigint": "double(2)", "text": "'x'", "mood": "'good'", "code": "'c'"}


@st.composite
def schemas(draw: Any) -> str:
    """The script of a small schema: types, functions, tables that refer to each other, views over views."""
    moods = draw(st.lists(st.sampled_from(["good", "bad", "odd"]), min_size=1, unique=True).map(set))
    labels = ", ".join(f"'{each}'" for each in sorted({"good", *moods}, reverse=draw(st.booleans())))
    check = draw(st.sampled_from(["", "CHECK (VALUE <> '')"]))
    argument = draw(st.sampled_from(["a", "b"]))
    sql = [
        f"CREATE TYPE mood AS ENUM ({labels})",
        f"CREATE DOMAIN code AS text {check}",
        f"CREATE FUNCTION double({argument} bigint) RETURNS bigint LANGUAGE sql IMMUTABLE "
        f"RETURN {argument} * 2",
    ]
    made: list[tuple[str, list[str]]] = []
    for table in draw(st.lists(st.sampled_from("abcd"), max_size=3, unique=True)):
        columns = {"id": "id int PRIMARY KEY"}
        for name in draw(st.lists(st.sampled_from("xyz"), max_size=3, unique=True)):
            type_ = draw(st.sampled_from(TYPES))
            default = f" DEFAULT {DEFAULTS[type_]}" if type_ in DEFAULTS and draw(st.booleans()) else ""
            null = " NOT NULL" if draw(st.booleans()) else ""
            columns[name] = f"{name} {type_}{default}{null}"
        if made and draw(st.booleans()):
            columns["up"] = f"up int REFERENCES {draw(st.sampled_from(made))[0]}"
        if draw(st.booleans()):
            columns["twice"] = "twice bigint GENERATED ALWAYS AS (double(id)) STORED"
        sql.append(f"CREATE TABLE {table} ({', '.join(columns.values())})")
        if draw(st.booleans()):
            sql.append(f"CREATE INDEX {table}_i ON {table} ({draw(st.sampled_from(sorted(columns)))})")
        if draw(st.booleans()):
            sql.append(f"COMMENT ON TABLE {table} IS '{table}'")
        made.append((table, sorted(columns)))
    for number in range(draw(st.integers(0, 2)) if made else 0):
        over, columns_of = draw(st.sampled_from(made))
        chosen = draw(st.lists(st.sampled_from(columns_of), min_size=1, unique=True))
        word = draw(st.sampled_from(["VIEW", "MATERIALIZED VIEW"]))
        sql.append(f"CREATE {word} v{number} AS SELECT {', '.join(chosen)} FROM {over}")
        if word == "VIEW" and draw(st.booleans()):
            sql.append(f"CREATE VIEW w{number} AS SELECT * FROM v{number}")
    return ";\n".join(sql)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(first=schemas(), second=schemas())
async def test_any_schema_becomes_any_other(make_database: Any, first: str, second: str) -> None:
    async with connected(await make_database()) as connection:
        for name, script in (("one", first), ("two", second)):
            await connection.execute(f"CREATE SCHEMA {name}; SET search_path = {name}; {script}")
        await connection.execute("ALTER SCHEMA one RENAME TO s")
        have = await read_shape(connection, ["s"])
        await connection.execute("ALTER SCHEMA s RENAME TO one; ALTER SCHEMA two RENAME TO s")
        want = await read_shape(connection, ["s"])
        await connection.execute("ALTER SCHEMA s RENAME TO two; ALTER SCHEMA one RENAME TO s")
        await connection.execute("SET search_path = ''; SET check_function_bodies = off")
        for step in in_order(compare(have, want)):
            try:
                await connection.execute(step.sql)
            except asyncpg.PostgresError as error:
                script = "\n".join(each.sql for each in in_order(compare(have, want)))
                raise AssertionError(f"{error}\nat: {step.sql}\nin:\n{script}") from error
        left = compare(await read_shape(connection, ["s"]), want)
        assert not left, [(each.sentence, each.sql) for each in left]
