"""A module's own tool on a real server: a script that keeps its own table of versions, as Alembic does."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus.migrations import owner_of, provision
from nexus.migrations.applying.settings import Settings, Told
from nexus.migrations.commands import Ended, digest_of, name_of, pending, run
from nexus.migrations.commands.state import RIGHTS
from nexus.migrations.errors import MigrationBlocked, MigrationFailed, MigrationUnreadable
from nexus.migrations.migration import Source

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA, PASSWORD = "shop", "secret"
SETTINGS = Settings(lock_timeout=0.05, patience=20.0, turn=0.3)
_counter = itertools.count(1)
TOOL = '''\
"""Applies versions/*.sql that its own table does not name, each in a transaction."""
import asyncio, os, pathlib, sys
import asyncpg

async def main():
    url = pathlib.Path(os.environ["DATABASE_URL_FILE"]).read_text()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS version (name text PRIMARY KEY)")
    done = {row["name"] for row in await connection.fetch("SELECT name FROM version")}
    for file in sorted(pathlib.Path(sys.argv[1]).glob("*.sql")):
        if file.name not in done:
            async with connection.transaction():
                await connection.execute(file.read_text())
                await connection.execute("INSERT INTO version VALUES ($1)", file.name)
            print("applied", file.name, flush=True)

try:
    asyncio.run(main())
except asyncpg.PostgresError as error:
    sys.exit(f"{error.sqlstate} {error}")
'''


class Shop:
    """One database and the tool's folder."""

    def __init__(self, admin: str, own: str, folder: Path) -> None:
        self.admin = admin
        self.own = own
        self.folder = folder
        self.told: list[Told] = []
        self.begun: list[str] = []

    @property
    def source(self) -> Source:
        versions = self.folder / "versions"
        tool = (sys.executable, str(self.folder / "tool.py"), str(versions))
        return Source("shop", SCHEMA, owner_of(SCHEMA), SCHEMA, versions, "command", tool)

    def version(self, name: str, sql: str) -> None:
        (self.folder / "versions" / name).write_text(sql)

    async def carry(self, name: str, command: tuple[str, ...]) -> Ended:
        self.begun.append(name)
        (self.folder / "url").write_text(self.own)
        env = {"DATABASE_URL_FILE": str(self.folder / "url"), "NEXUS_STATE_DIR": str(self.folder)}
        done = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await done.communicate()
        return Ended(done.returncode or 0, said.decode())

    async def run(self, settings: Settings = SETTINGS) -> tuple[str, ...]:
        return await run(self.admin, self.source, settings, self.carry, self.told.append)

    async def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.admin)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    async def pending(self) -> tuple[str, ...]:
        connection = await asyncpg.connect(self.admin)
        try:
            return await pending(connection, self.source)
        finally:
            await connection.close()

    async def outcomes(self) -> list[Any]:
        rows = await self.fetch("SELECT outcome FROM nexus.migration_run ORDER BY started_at")
        return [outcome for (outcome,) in rows]


@pytest_asyncio.fixture(loop_scope="session")
async def shop(pg: Any, tmp_path: Path) -> AsyncIterator[Shop]:
    name = f"commands_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    dsn = pg.dsn("postgres", name, pg.password)
    own = await asyncpg.connect(dsn)
    await own.execute(provision(SCHEMA, SCHEMA, PASSWORD))
    await own.close()
    (tmp_path / "versions").mkdir()
    (tmp_path / "tool.py").write_text(TOOL)
    made = Shop(dsn, pg.dsn(SCHEMA, name, PASSWORD), tmp_path)
    made.version("1.sql", "CREATE TABLE items (id int PRIMARY KEY)")
    yield made


async def test_a_tool_runs_once_for_each_state_of_its_folder_and_its_tables_are_the_owners(
    shop: Shop,
) -> None:
    first = name_of(digest_of(shop.source))
    assert await shop.pending() == (first,)
    assert await shop.run() == (first,)
    assert await shop.pending() == ()
    assert await shop.run() == ()
    assert shop.begun == [first]
    owners = await shop.fetch("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = $1", SCHEMA)
    assert sorted(owners) == [("items", "shop_owner"), ("version", "shop_owner")]
    shop.version("2.sql", "ALTER TABLE items ADD COLUMN name text")
    assert await shop.pending() == (name_of(digest_of(shop.source)),) != (first,)
    await shop.run()
    assert await shop.fetch("SELECT name FROM shop.version ORDER BY 1") == [("1.sql",), ("2.sql",)]
    assert await shop.outcomes() == ["applied", "applied"]
    ((point,),) = await shop.fetch(
        "SELECT restore_point FROM nexus.migration_run WHERE migration = $1", first
    )
    assert point.startswith("nexus-shop-command-")
    assert not (shop.folder / "migrations_url").exists()


async def test_the_owners_rights_are_given_while_it_runs_and_no_longer(shop: Shop) -> None:
    shop.version("2.sql", "SELECT pg_sleep(0); DO $$ BEGIN ASSERT current_user = 'shop_owner'; END $$")
    await shop.run()
    connection = await asyncpg.connect(shop.own)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("SET ROLE shop_owner")
    await connection.close()


async def test_a_failure_tells_the_last_lines_and_is_tried_anew_next_time(shop: Shop) -> None:
    shop.version("2.sql", "ALTER TABLE nowhere ADD COLUMN a int")
    with pytest.raises(MigrationFailed) as caught:
        await shop.run()
    said = str(caught.value)
    assert "ended with exit code 1: applied 1.sql / 42P01 relation" in said
    assert "Nothing else was started" in said
    assert await shop.outcomes() == ["failed"]
    assert not await shop.fetch("SELECT FROM pg_auth_members WHERE member = 'shop'::regrole")
    shop.version("2.sql", "ALTER TABLE items ADD COLUMN a int")
    assert len(await shop.run()) == 1
    assert await shop.outcomes() == ["failed", "applied"]


async def test_a_lock_that_is_held_is_not_queued_for_and_the_tool_is_run_again(shop: Shop) -> None:
    await shop.run()
    shop.version("2.sql", "ALTER TABLE items ADD COLUMN a int")
    holder = await asyncpg.connect(shop.admin)
    await holder.execute("BEGIN; LOCK shop.items IN ACCESS SHARE MODE")
    running = asyncio.create_task(shop.run())
    while not any(told.kind == "waiting" for told in shop.told):
        await asyncio.wait({running}, timeout=0.02)
        assert not running.done()
    await holder.execute("ROLLBACK")
    assert len(await running) == 1
    await holder.execute("BEGIN; LOCK shop.items IN ACCESS SHARE MODE")
    shop.version("3.sql", "ALTER TABLE items ADD COLUMN b int")
    with pytest.raises(MigrationBlocked, match="got no lock"):
        await shop.run(replace(SETTINGS, patience=0.0))
    await holder.close()


async def test_one_run_of_a_schema_at_a_time_and_rights_of_a_killed_one_are_taken_back(shop: Shop) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(name: str, command: tuple[str, ...]) -> Ended:
        begun.set()
        await go_on.wait()
        return await shop.carry(name, command)

    first = asyncio.create_task(run(shop.admin, shop.source, SETTINGS, slow))
    await begun.wait()
    with pytest.raises(MigrationBlocked, match="another run of its own tool"):
        await shop.run()
    first.cancel()  # the loop that waits is gone; its task goes on, and needs its rights
    await asyncio.wait({first})
    assert await shop.fetch("SELECT FROM pg_auth_members WHERE member = 'shop'::regrole")
    assert await shop.pending() == (name_of(digest_of(shop.source)),)
    assert len(await shop.run()) == 1
    assert [told.kind for told in shop.told] == ["resumed", "finished"]
    assert await shop.outcomes() == ["applied"]
    await shop.fetch("GRANT shop_owner TO shop")
    assert await shop.pending() == (RIGHTS,)
    assert await shop.run() == ()
    assert await shop.pending() == ()


async def test_it_runs_beside_no_migration_of_the_database_but_prisma_takes_that_lock_itself(
    shop: Shop,
) -> None:
    other = await asyncpg.connect(shop.admin)
    await other.execute("SELECT pg_advisory_lock(72707369)")
    with pytest.raises(MigrationBlocked, match=f"session {other.get_server_pid()} has changed schemas"):
        await shop.run()
    assert shop.begun == []
    command = ("/bin/sh", "-c", 'exec "$@"', "npx prisma", *shop.source.command)
    prisma = replace(shop.source, command=command)
    assert len(await run(shop.admin, prisma, SETTINGS, shop.carry)) == 1
    await other.execute("SELECT pg_advisory_unlock(72707369)")
    shop.version("2.sql", "DO $$ BEGIN ASSERT NOT pg_try_advisory_lock(72707369); END $$")
    assert len(await shop.run()) == 1
    assert await other.fetchval("SELECT pg_try_advisory_lock(72707369)")
    await other.close()


@pytest.mark.parametrize(("code", "outcome"), [(0, "applied"), (3, "failed")])
async def test_a_lost_connection_is_told_and_neither_the_end_nor_the_rights_are_lost(
    shop: Shop, code: int, outcome: str
) -> None:
    async def cut(name: str, command: tuple[str, ...]) -> Ended:
        ((gone,),) = await shop.fetch(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE application_name = 'nexus migrate shop' AND datname = current_database()"
        )
        assert gone
        return Ended(code, "ValueError: no" if code else "")

    with pytest.raises(MigrationFailed, match="connection that held the turn") as caught:
        await run(shop.admin, shop.source, SETTINGS, cut, shop.told.append)
    assert ("ended with exit code 3: ValueError: no" if code else "It ended well; this is recorded") in str(
        caught.value
    )
    assert await shop.outcomes() == [outcome]
    assert not await shop.fetch("SELECT FROM pg_auth_members WHERE member = 'shop'::regrole")


async def test_words_about_locks_before_the_last_error_do_not_make_it_run_again(shop: Shop) -> None:
    async def carry(name: str, command: tuple[str, ...]) -> Ended:
        shop.begun.append(name)
        return Ended(1, "applied 1 (set lock timeout to 5 s)\nERROR: syntax error in 2")

    with pytest.raises(MigrationFailed, match="syntax error in 2"):
        await run(shop.admin, shop.source, SETTINGS, carry)
    assert len(shop.begun) == 1


async def test_a_folder_that_is_not_there_is_told(shop: Shop) -> None:
    gone = replace(shop.source, folder=shop.folder / "nowhere")
    with pytest.raises(MigrationUnreadable, match="no such folder"):
        await run(shop.admin, gone, SETTINGS, shop.carry)
