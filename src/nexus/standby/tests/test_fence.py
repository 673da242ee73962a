"""A fenced server writes no more: stopped ones are killed, and its folder only serves for reading."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from nexus_kit.testing.servers import PostgresServer

from nexus.postgres.programs import Programs, postgres_account
from nexus.runtimes.process.fenced import fenced, refuse_fenced
from nexus.runtimes.protocol import StartError
from nexus.standby import fence
from nexus.standby.errors import NotFenced, StandbyError
from nexus.standby.taking import fits
from nexus.standby.wal import end_of, timeline_at

NOBODY = 65534
SET_DUMPABLE, SET_NAME = 4, 15  # prctl(2)


def test_a_copy_that_has_no_room_is_not_begun(tmp_path: Path) -> None:
    fits(100, 100, tmp_path)
    with pytest.raises(StandbyError, match="name a folder on another disk"):
        fits(101, 100, tmp_path)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with PostgresServer.serving() as found:
        yield found


async def test_backends_that_outlive_their_postmaster_are_killed_too(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.admin_dsn)
    await connection.execute("CREATE TABLE t (n int)")
    backend = await connection.fetchval("SELECT pg_backend_pid()")
    for process in (psutil.Process(backend), psutil.Process(backend).parent()):
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)  # what hangs does not see that its postmaster has died
    assert await fence.clear(server.data) > 2
    assert not psutil.pid_exists(backend) or psutil.Process(backend).status() == psutil.STATUS_ZOMBIE
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("INSERT INTO t VALUES (1)")
    assert fence.working_in(server.data) == ()


async def test_a_shell_in_the_folder_is_left_alone(server: PostgresServer) -> None:
    shell = await asyncio.create_subprocess_exec("sleep", "60", cwd=server.data)
    await fence.clear(server.data)
    assert shell.returncode is None
    shell.kill()
    await shell.wait()


def test_a_server_of_which_nobody_may_know_where_it_works_is_not_passed_over(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (data := tmp_path / "data").mkdir(mode=0o755)
    os.chown(data, owner := NOBODY if os.getuid() == 0 else os.getuid(), -1)
    judge = os.fork()
    if judge == 0:
        _as_user(owner, data)
    assert os.waitstatus_to_exitcode(os.waitpid(judge, 0)[1]) == 0


def _as_user(user: int, data: Path) -> None:
    """Ends with 0 where a hidden PostgreSQL of this user keeps its folder from being taken for free."""
    said = 1
    try:
        if user != os.getuid():
            os.setuid(user)
        ready, tell = os.pipe()
        hidden = os.fork()
        if hidden == 0:
            os.chdir(data)
            kernel = ctypes.CDLL(None)
            kernel.prctl(SET_NAME, b"postgres", 0, 0, 0)
            kernel.prctl(SET_DUMPABLE, 0, 0, 0, 0)
            os.write(tell, b"x")
            signal.pause()
        os.read(ready, 1)
        try:
            fence.working_in(data)
        except NotFenced:
            said = 0
        os.kill(hidden, signal.SIGKILL)
        os.waitpid(hidden, 0)
    finally:
        os._exit(said)


async def test_a_fenced_folder_started_by_hand_only_reads(server: PostgresServer) -> None:
    server.kill()
    await fence.clear(server.data)
    fence.mark(server.data, "another took its place", postgres_account())
    with pytest.raises(StartError, match="another took its place"):
        refuse_fenced("postgres", server.data)
    server.start()
    connection = await asyncpg.connect(server.admin_dsn)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await connection.execute("CREATE TABLE t (n int)")
    await connection.close()
    fence.lift(server.data)
    assert fenced(server.data) == ""


async def test_what_a_dead_server_committed_and_nobody_has_is_counted(
    server: PostgresServer, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(server.admin_dsn)
    await connection.execute("CREATE TABLE t (n int)")
    start = await connection.fetchval("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn")
    for n in range(3):
        await connection.execute("INSERT INTO t VALUES ($1)", n)
    written = await connection.fetchval("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn")
    await fence.clear(server.data)
    account = postgres_account()
    found = await end_of(Programs(server.data, account), server.data, int(start))
    assert found is not None
    assert found.commits == 3
    assert start < found.last < written
    assert timeline_at(server.data, int(start)) == 1
    assert await end_of(Programs(server.data, account), tmp_path, int(start)) is None
