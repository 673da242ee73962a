from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus.migrations import MigrationError, Source, owner_of, provision, provision_checker
from nexus.migrations.apply import apply, pending
from nexus.migrations.bring import checker_lacks, create_database
from nexus.migrations.folder import read_folder
from nexus.migrations.history.resolve import mark_rolled_back

SCHEMA = "shop"
_counter = itertools.count(1)


def write(folder: Path, name: str, sql: str) -> Path:
    path = folder / name / "migration.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sql.encode())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "migration_lock.toml").write_text('provider = "postgresql"\n')
    write(tmp_path, "20260101000000_first", "CREATE TABLE items (id int PRIMARY KEY, name text);")
    write(
        tmp_path,
        "20260102000000_second",
        "ALTER TABLE items ADD COLUMN price numeric; CREATE TABLE more (i int);",
    )
    return tmp_path


@pytest_asyncio.fixture(loop_scope="session")
async def dsn(pg: Any) -> AsyncIterator[str]:
    """A database of its own, with the schema provisioned."""
    name = f"migrations_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    dsn = pg.dsn("postgres", name, pg.password)
    await run(dsn, provision(SCHEMA, SCHEMA, "secret'word"))
    yield dsn


async def run(dsn: str, sql: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(sql) if sql.startswith("SELECT ") else await connection.execute(sql)
    finally:
        await connection.close()


async def apply_here(dsn: str, folder: Path) -> list[str]:
    return await apply(dsn, SCHEMA, owner_of(SCHEMA), folder)


async def rolled_back(dsn: str, folder: Path, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await mark_rolled_back(connection, Source(SCHEMA, SCHEMA, owner_of(SCHEMA), SCHEMA, folder), name)
    finally:
        await connection.close()


def as_role(pg: Any, dsn: str, role: str, password: str = "secret'word") -> str:
    return str(pg.dsn(role, dsn.rpartition("/")[2], password.replace("'", "%27")))


async def test_migrations_are_applied_once_in_the_order_of_their_names(dsn: str, folder: Path) -> None:
    names = ["20260101000000_first", "20260102000000_second"]
    assert await pending(dsn, SCHEMA, folder) == names
    assert await apply_here(dsn, folder) == names
    assert await pending(dsn, SCHEMA, folder) == []
    assert await apply_here(dsn, folder) == []


async def test_the_history_is_prismas(dsn: str, folder: Path) -> None:
    await apply_here(dsn, folder)
    rows = await run(dsn, f"SELECT * FROM {SCHEMA}._prisma_migrations ORDER BY started_at")
    assert list(rows[0].keys()) == [
        "id", "checksum", "finished_at", "migration_name", "logs", "rolled_back_at", "started_at",
        "applied_steps_count",
    ]  # fmt: skip
    script = (folder / "20260101000000_first" / "migration.sql").read_bytes()
    assert rows[0]["checksum"] == hashlib.sha256(script).hexdigest()
    assert len(rows[0]["id"]) == 36
    assert [row["applied_steps_count"] for row in rows] == [1, 1]
    assert all(row["finished_at"] >= row["started_at"] for row in rows)
    assert [row["logs"] for row in rows] == [None, None]
    assert [row["rolled_back_at"] for row in rows] == [None, None]


async def test_tables_belong_to_the_owner_and_the_role_may_only_read_and_write_rows(
    pg: Any, dsn: str, folder: Path
) -> None:
    await apply_here(dsn, folder)
    (table,) = await run(dsn, "SELECT tableowner FROM pg_tables WHERE tablename = 'items'")
    assert table["tableowner"] == owner_of(SCHEMA)
    role = await asyncpg.connect(as_role(pg, dsn, SCHEMA))
    try:
        await role.execute("INSERT INTO items VALUES (1, 'one', 2)")
        assert await role.fetchval("SELECT count(*) FROM _prisma_migrations") == 2
        for refused in (
            "CREATE TABLE x (i int)",
            "DROP TABLE items",
            "TRUNCATE items",
            "DELETE FROM _prisma_migrations",
            "CREATE TABLE public.x (i int)",
            f"SET ROLE {owner_of(SCHEMA)}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(refused)
    finally:
        await role.close()


async def test_a_role_is_refused_the_schema_of_another_service(pg: Any, dsn: str, folder: Path) -> None:
    await apply_here(dsn, folder)
    await run(dsn, provision("other", "other", "other"))
    other = await asyncpg.connect(as_role(pg, dsn, "other", "other"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for schema shop"):
            await other.fetch(f"SELECT * FROM {SCHEMA}.items")
    finally:
        await other.close()


async def test_the_checker_reads_every_row_and_writes_none(pg: Any, dsn: str, folder: Path) -> None:
    await apply_here(dsn, folder)
    await run(
        dsn,
        f"INSERT INTO {SCHEMA}.items VALUES (1, 'one', 2);"
        f"ALTER TABLE {SCHEMA}.items ENABLE ROW LEVEL SECURITY",
    )
    await run(dsn, provision_checker("check"))
    checker = await asyncpg.connect(as_role(pg, dsn, "nexus_check", "check"))
    try:
        assert await checker.fetchval(f"SELECT count(*) FROM {SCHEMA}.items") == 1
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await checker.execute(f"DELETE FROM {SCHEMA}.items")
        await checker.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await checker.execute(f"DELETE FROM {SCHEMA}.items")
    finally:
        await checker.close()


async def test_a_checker_of_old_is_given_what_it_lacks(pg: Any, dsn: str) -> None:
    await run(dsn, provision_checker("check") + "REVOKE pg_monitor FROM nexus_check;")
    assert await checker_lacks(dsn) == ("nexus_check",)
    await create_database(dsn, "check")
    assert await checker_lacks(dsn) == ()
    checker = await asyncpg.connect(as_role(pg, dsn, "nexus_check", "check"))
    try:
        unseen = "SELECT count(*) FROM pg_stat_activity WHERE query = '<insufficient privilege>'"
        assert await checker.fetchval(unseen) == 0
    finally:
        await checker.close()


async def test_provisioning_again_changes_nothing_but_the_password(pg: Any, dsn: str) -> None:
    await asyncio.gather(*(run(dsn, provision(SCHEMA, SCHEMA, "new")) for _ in range(4)))
    await (await asyncpg.connect(as_role(pg, dsn, SCHEMA, "new"))).close()


async def test_a_failed_migration_stops_the_rest_until_someone_has_looked(dsn: str, folder: Path) -> None:
    bad = write(folder, "20260103000000_bad", "CREATE TABLE half (i int);\nSELECT no_such_function();\n")
    write(folder, "20260104000000_later", "CREATE TABLE later (i int);")
    with pytest.raises(
        MigrationError, match=r"20260103000000_bad failed: 42883 .*no_such_function.*\(line 2\)"
    ):
        await apply_here(dsn, folder)
    assert await run(dsn, "SELECT tablename FROM pg_tables WHERE tablename IN ('half', 'later')") == []
    bad.write_text("CREATE TABLE whole (i int);")
    for asked in (apply_here(dsn, folder), pending(dsn, SCHEMA, folder)):
        with pytest.raises(MigrationError, match=r"20260103000000_bad failed at .*42883") as refused:
            await asked
        assert refused.value.code == "P3009"
    await rolled_back(dsn, folder, "20260103000000_bad")
    assert await apply_here(dsn, folder) == ["20260103000000_bad", "20260104000000_later"]


async def test_a_migration_edited_after_it_was_applied_is_refused(dsn: str, folder: Path) -> None:
    await apply_here(dsn, folder)
    script = folder / "20260101000000_first" / "migration.sql"
    original = script.read_bytes()
    script.write_bytes(original + b"-- more\n")
    with pytest.raises(MigrationError, match="20260101000000_first was edited"):
        await apply_here(dsn, folder)
    script.write_bytes(original.replace(b"\n", b"\r\n"))
    assert await apply_here(dsn, folder) == []


async def test_several_at_once_take_turns(dsn: str, folder: Path) -> None:
    results = await asyncio.gather(*(apply_here(dsn, folder) for _ in range(5)))
    assert sorted(len(names) for names in results) == [0, 0, 0, 0, 2]


async def test_an_index_can_be_made_concurrently_and_settings_do_not_leak(dsn: str, folder: Path) -> None:
    write(folder, "20260103000000_index", "CREATE INDEX CONCURRENTLY items_name ON items (name);")
    write(folder, "20260104000000_settings", "SET search_path = public; SET statement_timeout = 0;")
    write(folder, "20260105000000_after", "CREATE TABLE after_all (i int);")
    assert len(await apply_here(dsn, folder)) == 5
    (table,) = await run(dsn, "SELECT schemaname, tableowner FROM pg_tables WHERE tablename = 'after_all'")
    assert (table["schemaname"], table["tableowner"]) == (SCHEMA, owner_of(SCHEMA))


async def test_a_database_ahead_of_its_folder_is_left_alone(dsn: str, folder: Path) -> None:
    await apply_here(dsn, folder)
    for path in sorted((folder / "20260102000000_second").iterdir()):
        path.unlink()
    (folder / "20260102000000_second").rmdir()
    assert await pending(dsn, SCHEMA, folder) == []
    assert await apply_here(dsn, folder) == []


def test_a_malformed_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="there is no such folder"):
        read_folder(tmp_path / "absent")
    (tmp_path / "20260101000000_empty").mkdir()
    with pytest.raises(MigrationError, match=r"20260101000000_empty: migration\.sql is missing"):
        read_folder(tmp_path)
    write(tmp_path, "20260101000000_empty", "SELECT 1")
    (tmp_path / "migration_lock.toml").write_text('provider = "mysql"')
    with pytest.raises(MigrationError, match="provider is 'mysql'"):
        read_folder(tmp_path)


@pytest.mark.parametrize("name", ["", "Shop", "a-b", "1st", "x; DROP", "x" * 56, "shop\n"])
def test_a_name_that_could_be_sql_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a usable"):
        provision(name, "role", "password")


@pytest.mark.parametrize("name", ["public", "postgres", "nexus_check", "pg_temp", "shop_owner"])
def test_a_name_that_belongs_to_someone_else_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is reserved; choose another"):
        provision(name, name, "password")


async def test_a_word_of_sql_may_name_a_schema(dsn: str, folder: Path) -> None:
    await run(dsn, provision("order", "order", "password"))
    assert len(await apply(dsn, "order", owner_of("order"), folder)) == 2
    (row,) = await run(dsn, """SELECT to_regclass('"order".items')::text AS items""")
    assert row["items"] == '"order".items'
