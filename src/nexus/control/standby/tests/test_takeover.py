"""The standby takes over: nothing acknowledged is lost, no two servers write, nobody else is restarted."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from nexus.control.standby.tests.pair import (
    Pair,
    judged,
    kept,
    more_writes,
    pair,
    processes_of,
    writing,
)
from nexus.standby import fence
from nexus.testing import StackError


@pytest.fixture(scope="module")
def found() -> Iterator[Pair]:
    root = Path(tempfile.mkdtemp(prefix="nexus-pair-"))
    root.chmod(0o755)
    with pair(root) as started:
        yield started
    shutil.rmtree(root)


async def test_a_primary_that_lives_is_switched_in_order_and_follows_then(found: Pair) -> None:
    before = await found.whole()
    async with writing(found) as users, judged(found) as two:
        await more_writes(users)
        said = await found.nexus("failover", "--yes")
        await more_writes(users)
    assert "nothing was lost" in said
    assert set(users.acknowledged) <= await kept(found)
    assert two == []
    after = await found.whole()
    assert after["primary"]["data"] == before["standby"]["data"]
    assert after["decision"] == before["decision"] + 1
    assert after["former"] is None
    printed = json.loads(await found.nexus("standby", "status", "--json"))
    assert (printed["decision"], printed["former"]) == (after["decision"], None)


async def test_a_killed_primary_is_replaced_by_itself_and_every_acknowledged_write_is_there(
    found: Pair,
) -> None:
    await found.whole()
    await found.nexus("standby", "add", "--auto")
    former = found.data
    async with writing(found) as users, judged(found) as two:
        await more_writes(users)
        (former / "global" / "pg_control").rename(former / "global" / "pg_control.gone")  # it cannot restart
        os.kill(found.postmaster(), signal.SIGKILL)
        await found.until(f"primary['data'] != {str(former)!r} and primary['state'] == 'ready'")
        await more_writes(users)
    assert set(users.acknowledged) <= await kept(found)
    assert two == []
    assert fence.working_in(former) == ()
    (former / "global" / "pg_control.gone").rename(former / "global" / "pg_control")
    state = await found.until("last['kind'] == 'failover'")  # which is noted when all is done
    assert state["former"] == str(former)
    assert state["last"]["commits"] == 0


async def test_a_fenced_primary_is_brought_back_and_lacks_nothing(found: Pair) -> None:
    await found.until("former or standby")
    state = await found.whole()  # `nexus standby add` rewinds what was fenced
    assert state["standby"]["auto"]
    assert state["former"] is None
    assert not list((found.stack.home / "data").glob("*.rewinding"))


async def test_a_primary_that_is_stopped_is_killed_before_another_writes(found: Pair) -> None:
    await found.whole()
    former = found.data
    held = await asyncpg.connect(found.url)
    backend = await held.fetchval("SELECT pg_backend_pid()")
    stopped = processes_of(former)
    async with judged(found) as two:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        await found.until(f"primary['data'] != {str(former)!r} and primary['state'] == 'ready'")
    for process in stopped:
        assert not process.is_running() or process.pid == os.getpid()
    assert backend in {process.pid for process in stopped}
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await held.execute("INSERT INTO written VALUES (-1)", timeout=5)
    assert -1 not in await kept(found)
    assert two == []


async def test_a_control_loop_killed_in_the_middle_is_followed_by_one_that_finishes(found: Pair) -> None:
    await found.whole()
    await found.nexus("standby", "add", "--no-auto")
    former = found.data
    async with writing(found) as users, judged(found) as two:
        await more_writes(users)
        asked = asyncio.create_task(asyncio.to_thread(found.stack.run, "failover", "--yes"))
        await asyncio.to_thread(_until_decided, found)
        found.kill_loop()
        await asked
        await found.until("not moving and primary['state'] == 'ready'")
        await more_writes(users)
    assert set(users.acknowledged) <= await kept(found)
    assert two == []
    assert found.data != former


async def test_restarted_the_new_primary_has_the_stable_port_itself(found: Pair) -> None:
    state = await found.whole()
    if state["primary"]["port"] == state["primary"]["stable_port"]:
        await found.nexus("failover", "--yes")
    async with writing(found) as users:
        await more_writes(users)
        await found.nexus("restart", "postgres")
        await more_writes(users)
    state = await found.whole()
    assert state["primary"]["port"] == state["primary"]["stable_port"]
    assert set(users.acknowledged) <= await kept(found)


async def test_taken_down_and_up_again_the_new_primary_has_the_stable_port_itself(found: Pair) -> None:
    await found.whole()
    data = found.data
    await found.nexus("down")
    assert fence.working_in(found.stack.home / "data") == ()
    await asyncio.to_thread(found.stack.up)
    state = await found.whole()
    assert state["primary"]["data"] == str(data)
    assert state["primary"]["port"] == state["primary"]["stable_port"]


async def test_without_a_standby_nothing_takes_over_and_the_command_says_so(found: Pair) -> None:
    await found.whole()
    await found.nexus("standby", "remove")
    with pytest.raises(StackError, match="no standby to take over"):
        await found.nexus("failover", "--yes")
    assert not list((found.stack.home / "data").glob("*-standby"))
    connection = await asyncpg.connect(found.url)
    assert await connection.fetchval("SELECT count(*) FROM pg_replication_slots") == 0
    assert await connection.fetchval("SHOW synchronous_standby_names") == ""
    await connection.execute("INSERT INTO written VALUES (-2)")  # waits for nobody
    await connection.close()


def _until_decided(found: Pair) -> None:
    """Returns when the takeover was decided."""
    path = found.stack.home / "control.db"
    before = found.data
    give_up = time.monotonic() + 60
    with sqlite3.connect(path) as database:
        epoch = database.execute("SELECT coalesce(max(epoch), 0) FROM seat").fetchone()[0]
        while time.monotonic() < give_up:
            row = database.execute("SELECT epoch, moving FROM seat").fetchone()
            if (row and row[1]) or (row and row[0] > epoch) or found.data != before:
                break
            time.sleep(0.002)
