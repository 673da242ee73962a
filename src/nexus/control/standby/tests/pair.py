"""A stack that is a database and its standby, users who write, and a judge who watches for two writers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from nexus.control import locks
from nexus.control.client import Client, ControlError
from nexus.runtimes.home import Home
from nexus.standby import addresses, fence
from nexus.testing import ThrowawayStack, throwaway_stack

STACK = """\
name: pair
infrastructure:
  postgres: {kind: database, runtime: postgres, port: 9100}
telemetry: {collect: false}
recovery: {stream: false}
"""
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(frozen=True)
class Pair:
    """The stack, asked and steered by the commands that operators have."""

    stack: ThrowawayStack

    async def nexus(self, *arguments: str) -> str:
        """`nexus ARGUMENTS`; raises `StackError` when it fails."""
        return await asyncio.to_thread(self.stack.nexus, *arguments)

    async def state(self) -> dict[str, Any]:
        """What the control loop says, which `nexus standby status --json` prints; {} while none answers."""
        try:
            found: dict[str, Any] = await asyncio.to_thread(
                Client(Home.at(self.stack.home)).get, "/v1/standby"
            )
        except (OSError, ControlError):
            return {}
        return found

    async def until(self, what: str, within: float = 120.0) -> dict[str, Any]:
        """The first state of which an expression is true."""
        async with asyncio.timeout(within):
            while True:
                state = await self.state()
                if state and eval(what, {}, state):
                    return state
                await asyncio.sleep(0.1)

    async def whole(self) -> dict[str, Any]:
        """Returns when there is a standby for which commits wait; adds what is missing."""
        state = await self.until("primary['state'] == 'ready' and not moving")
        if state["standby"] is None:
            await self.nexus("standby", "add", "--synchronous")
        return await self.until("standby and standby['waited_for'] and standby['state'] == 'ready'")

    @property
    def url(self) -> str:
        """The superuser's stable address."""
        told = self.stack.admin_dsn()
        return addresses.at(told, addresses.port_of(told), addresses.MAINTENANCE)

    @property
    def data(self) -> Path:
        """The primary's folder."""
        return (self.stack.home / "data" / "postgres").resolve()

    def postmaster(self) -> int:
        """The primary's first process."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def kill_loop(self) -> int:
        """SIGKILL to the control loop; its guard starts another."""
        pid = locks.owner(Home.at(self.stack.home).control_lock)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid


@contextmanager
def pair(root: Path) -> Iterator[Pair]:
    """The stack, with a standby for which commits wait."""
    (root / "nexus.yaml").write_text(STACK)
    with throwaway_stack(root=root) as stack:
        stack.nexus("standby", "add", "--synchronous")
        yield Pair(stack)


@dataclass
class Writing:
    """What users were told: numbers whose commit was acknowledged, and errors in between."""

    acknowledged: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@asynccontextmanager
async def writing(pair: Pair, users: int = 2) -> AsyncIterator[Writing]:
    """Users who write through the stable address while the block runs, and connect again when they must."""
    found, over, numbers = Writing(), asyncio.Event(), iter(range(10**9))
    setup = await asyncpg.connect(pair.url)
    await setup.execute("CREATE TABLE IF NOT EXISTS written (n bigint PRIMARY KEY); TRUNCATE written")
    await setup.close()

    async def user() -> None:
        connection = None
        while not over.is_set():
            n = next(numbers)
            try:
                connection = connection or await asyncpg.connect(pair.url, timeout=2)
                await connection.execute("INSERT INTO written VALUES ($1)", n, timeout=10)
                found.acknowledged.append(n)
                await asyncio.sleep(0.01)
            except AWAY as error:
                found.errors.append(f"{type(error).__name__}: {error}")
                if connection is not None:
                    connection.terminate()
                connection = None
                await asyncio.sleep(0.05)
        if connection is not None:
            connection.terminate()

    working = [asyncio.create_task(user()) for _ in range(users)]
    try:
        yield found
    finally:
        over.set()
        await asyncio.gather(*working)


async def more_writes(found: Writing, count: int = 20, within: float = 120.0) -> None:
    """Returns when so many more writes were acknowledged."""
    wanted = len(found.acknowledged) + count
    async with asyncio.timeout(within):
        while len(found.acknowledged) < wanted:
            await asyncio.sleep(0.02)


async def kept(pair: Pair) -> set[int]:
    """The numbers that the database has."""
    connection = await asyncpg.connect(pair.url)
    rows = await connection.fetch("SELECT n FROM written")
    await connection.close()
    return {row["n"] for row in rows}


async def writable(pair: Pair) -> list[str]:
    """Every server of this stack that takes a write at this moment, asked on its own port, by its folder."""
    folders = {path.resolve() for path in (pair.stack.home / "data").iterdir() if path.is_dir()}
    found = []
    for data in sorted(folders):
        try:
            lines = (data / "postmaster.pid").read_text().split("\n")
            if psutil.Process(int(lines[0])).cwd() != str(data):  # another process has its number by now
                continue
            connection = await asyncpg.connect(addresses.at(pair.url, int(lines[3])), timeout=2)
            try:
                await connection.execute("SELECT pg_current_xact_id()", timeout=2)
                found.append(str(data))
            finally:
                connection.terminate()
        except (*AWAY, psutil.Error, ValueError, IndexError):
            continue
    return found


@asynccontextmanager
async def judged(pair: Pair) -> AsyncIterator[list[list[str]]]:
    """All the while, servers are asked whether they write; yields whenever two of them did."""
    two, over = [], asyncio.Event()

    async def judge() -> None:
        while not over.is_set():
            found = await writable(pair)
            if len(found) > 1 and len(again := await writable(pair)) > 1:
                two.append(again)
            await asyncio.sleep(0.02)

    judging = asyncio.create_task(judge())
    try:
        yield two
    finally:
        over.set()
        await judging


def processes_of(data: Path) -> list[psutil.Process]:
    """All processes of a server; one of them may end meanwhile."""
    found = []
    for pid in fence.working_in(data):
        with suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return found
