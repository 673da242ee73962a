"""kill -9 of who applies, and of PostgreSQL, at every step: the next call makes it whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nexus.migrations.applying import Told, apply_pending
from nexus.migrations.applying.tests.shop import EAGER, Shop, make_shop, until
from nexus.migrations.errors import MigrationFailed

CHILD = Path(__file__).with_name("apply_and_tell.py")
COUNT = (
    "CREATE TABLE counter (name text PRIMARY KEY, n int NOT NULL);\nINSERT INTO counter VALUES ('once', 0);"
)
ONE = """CREATE TABLE items (id int PRIMARY KEY);
INSERT INTO items VALUES (1);
INSERT INTO items VALUES (2);
UPDATE counter SET n = n + 1;
"""
NONE = """-- nexus: transaction=none
SET work_mem = '7MB';
CREATE TABLE items (id int PRIMARY KEY);
BEGIN;
INSERT INTO items VALUES (1);
INSERT INTO items VALUES (2);
COMMIT;
CREATE INDEX CONCURRENTLY items_again ON items (id);
UPDATE counter SET n = n + 1;
"""
WHOLE = {"one": ONE, "none": NONE}


def begin(shop: Shop, script: str) -> None:
    shop.write("1_counter", COUNT)
    shop.write("2_items", script)


async def is_whole(shop: Shop) -> None:
    assert await shop.fetch("SELECT n FROM counter") == [(1,)]
    assert await shop.fetch("SELECT id FROM items ORDER BY id") == [(1,), (2,)]
    assert await shop.rows() == [("1_counter", "applied"), ("2_items", "applied")]
    assert await shop.fetch("SELECT DISTINCT outcome FROM nexus.migration_run") == [("applied",)]
    assert await shop.fetch("SELECT FROM pg_index WHERE NOT indisvalid") == []


def child(shop: Shop) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), shop.dsn, str(shop.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def hear(process: subprocess.Popen[str], count: int) -> list[str]:
    """The next events; the last one is not answered, so that the process stands still in it."""
    assert process.stdout
    heard: list[str] = []
    while len(heard) < count and (line := process.stdout.readline()):
        heard.append(line.strip())
        if len(heard) < count:
            answer(process)
    return heard


def answer(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    for pipe in (process.stdin, process.stdout):
        assert pipe
        pipe.close()


@pytest.mark.parametrize("kind", WHOLE)
async def test_killed_at_every_event_nothing_is_applied_twice(pg: Any, tmp_path: Path, kind: str) -> None:
    number, heard = 0, ["begin"]
    while heard:
        number += 1
        shop = await make_shop(pg, tmp_path / str(number))
        begin(shop, WHOLE[kind])
        process = child(shop)
        try:
            heard = hear(process, number)
        finally:
            kill(process)
        if len(heard) < number:  # it came to its end before
            assert heard[-1] == "finished 0"
            assert await shop.apply() == ()
            heard = []
        else:
            await shop.apply(turn=20.0)
        await is_whole(shop)
    assert number > 8


@pytest.mark.parametrize("kind", WHOLE)
async def test_killed_within_a_statement_its_backend_ends_and_the_next_call_goes_on(
    shop: Shop, kind: str
) -> None:
    begin(shop, WHOLE[kind].replace("UPDATE", "SELECT pg_sleep(600 * (1 - n)) FROM counter;\nUPDATE"))
    process = child(shop)
    try:

        async def sleeps() -> Any:
            return await shop.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")

        assert process.stdin
        process.stdin.write("\n" * 100)
        process.stdin.flush()
        await until(sleeps)
    finally:
        kill(process)
    await shop.run("UPDATE counter SET n = 1")  # now nobody sleeps any more
    await shop.apply(turn=20.0)
    assert await shop.fetch("SELECT n FROM counter") == [(2,)]
    assert await shop.rows() == [("1_counter", "applied"), ("2_items", "applied")]


@pytest.mark.parametrize("kind", WHOLE)
async def test_postgresql_killed_at_every_event(
    start_postgres: Callable[..., Any], tmp_path: Path, kind: str
) -> None:
    server = start_postgres()
    number, killed = 0, True
    while killed:
        number += 1
        shop = await make_shop(server, tmp_path / str(number))
        begin(shop, WHOLE[kind])
        killed = await _killing(server, shop, number)
        if killed:
            server.start()
            assert len(await shop.apply(turn=20.0)) in (0, 1, 2)
        await is_whole(shop)
    assert number > 8


async def _killing(server: Any, shop: Shop, at: int) -> bool:
    """Apply, with PostgreSQL killed when the event of this number is told; whether there was one."""
    heard: list[Told] = []

    def tell(told: Told) -> None:
        heard.append(told)
        if len(heard) == at:
            server.kill()

    try:
        await apply_pending(shop.dsn, shop.source, EAGER, tell)
    except MigrationFailed as failed:
        return "the next call finds out" in str(failed)
    return len(heard) >= at
