"""How long a database takes no writes when its primary dies, and whether an acknowledged write was lost.

    .venv/bin/python bench/failover.py [--rounds 10] [--rate 50]

A database with a standby that each commit waits for. In each round users write at that rate, and then the
primary is killed with SIGKILL at a random moment and cannot start again (its control file is gone): the
control loop notices, fences, promotes and repoints by itself. The time is from the kill to the next write
that a user is told of. Afterwards the old primary is brought back as the standby. Floor: 5 s; nothing lost.

Besides: the same for a switchover that an operator asks for, and what a question costs over the stable port
while the primary listens elsewhere, beside one that is asked directly.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg

from nexus.standby import addresses
from nexus.testing import ThrowawayStack, eventually, throwaway_stack

STACK = "name: pair\ninfrastructure:\n  postgres: {kind: database, runtime: postgres, port: 9100}\n"
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
QUESTIONS = 3000


class Users:
    """Users who write `rate` times a second; what they were told of, and when."""

    def __init__(self, url: str, rate: float) -> None:
        self.told: list[tuple[int, float]] = []
        self._url, self._rate = url, rate
        self._over = asyncio.Event()

    async def write(self, first: int) -> None:
        connection, n = None, first
        while not self._over.is_set():
            began = time.monotonic()
            try:
                connection = connection or await asyncpg.connect(self._url, timeout=1)
                await connection.execute("INSERT INTO written VALUES ($1)", n, timeout=10)
                self.told.append((n, time.monotonic()))
            except AWAY:
                if connection is not None:
                    connection.terminate()
                connection = None
            n += 1
            await asyncio.sleep(max(0.005, 1 / self._rate - (time.monotonic() - began)))
        if connection is not None:
            connection.terminate()

    def end(self) -> None:
        self._over.set()

    async def told_after(self, at: float) -> None:
        """Returns when a write was told of after a moment."""
        while not self.told or self.told[-1][1] < at:
            await asyncio.sleep(0.005)

    def again(self, at: float) -> float:
        """When writes were accepted again: a backend may finish what it has begun for a moment after `at`, so
        it is the end of the longest silence.
        """
        moments = [at, *(moment for _, moment in self.told if moment > at)]
        return max(pairwise(moments), key=lambda pair: pair[1] - pair[0])[1]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--rate", type=float, default=50.0)
    asked = options.parse_args()
    root = Path(tempfile.mkdtemp(prefix="nexus-failover-"))
    root.chmod(0o755)
    (root / "nexus.yaml").write_text(STACK)
    try:
        with throwaway_stack(root=root) as stack:
            stack.nexus("standby", "add", "--synchronous", "--auto")
            asyncio.run(_measure(stack, asked.rounds, asked.rate))
    finally:
        shutil.rmtree(root)


async def _measure(stack: ThrowawayStack, rounds: int, rate: float) -> None:
    url = _url(stack)
    setup = await asyncpg.connect(url)
    await setup.execute("CREATE TABLE written (n bigint PRIMARY KEY)")
    await setup.close()
    direct = await _question(url)
    kills, told = [], 0
    for number in range(rounds):
        seconds, count = await _round(stack, number, rate, _kill)
        kills.append(seconds)
        told += count
    switches = [(await _round(stack, rounds + n, rate, _switch))[0] for n in range(3)]
    through = await _question(url)
    print(f"writes accepted again after SIGKILL of the primary, {rounds} rounds, {rate:g} writes/s:")
    print(f"  median {statistics.median(kills):.2f} s, worst {max(kills):.2f} s (floor 5 s)")
    print(f"  {told} writes acknowledged, 0 lost")
    print(f"switchover asked for: median {statistics.median(switches):.2f} s, worst {max(switches):.2f} s")
    print(f"a question: {direct:.0f} µs directly, {through:.0f} µs over the stable port after a failover")


async def _round(stack: ThrowawayStack, number: int, rate: float, end_primary: Any) -> tuple[float, int]:
    await asyncio.to_thread(eventually, lambda: _whole(stack), 120.0)
    users = Users(_url(stack), rate)
    writing = asyncio.create_task(users.write(number * 1_000_000))
    await asyncio.sleep(random.uniform(1.0, 3.0))
    link = stack.home / "data" / "postgres"
    former = link.resolve()
    at, mend = await end_primary(stack)
    while not link.exists() or link.resolve() == former:
        await asyncio.sleep(0.005)
    await users.told_after(time.monotonic())
    await asyncio.sleep(1.0)
    again = users.again(at)
    users.end()
    await writing
    await mend()
    connection = await asyncpg.connect(_url(stack))
    kept = {row["n"] for row in await connection.fetch("SELECT n FROM written")}
    await connection.close()
    missing = {n for n, _ in users.told} - kept
    if missing:
        raise SystemExit(
            f"round {number}: {len(missing)} acknowledged writes are LOST: {sorted(missing)[:5]}"
        )
    return again - at, len(users.told)


async def _kill(stack: ThrowawayStack) -> tuple[float, Any]:
    data = (stack.home / "data" / "postgres").resolve()
    pid = int((data / "postmaster.pid").read_text().split()[0])
    control = data / "global" / "pg_control"
    control.rename(control.with_suffix(".gone"))
    at = time.monotonic()
    os.kill(pid, signal.SIGKILL)

    async def mend() -> None:
        former = Path((await asyncio.to_thread(_state, stack))["former"])
        (former / "global" / "pg_control.gone").rename(former / "global" / "pg_control")
        await asyncio.to_thread(stack.nexus, "standby", "add")

    return at, mend


async def _switch(stack: ThrowawayStack) -> tuple[float, Any]:
    command = asyncio.create_task(asyncio.to_thread(stack.nexus, "failover", "--yes"))
    data = (stack.home / "data" / "postgres").resolve()
    while (data / "postmaster.pid").exists() and not command.done():
        await asyncio.sleep(0.002)
    at = time.monotonic()

    async def mend() -> None:
        await command

    return at, mend


async def _question(url: str) -> float:
    """What one costs, in microseconds: the median."""
    connection = await asyncpg.connect(url)
    seconds = []
    for _ in range(QUESTIONS):
        began = time.perf_counter()
        await connection.fetchval("SELECT 1")
        seconds.append(time.perf_counter() - began)
    await connection.close()
    return statistics.median(seconds) * 1e6


def _whole(stack: ThrowawayStack) -> bool:
    standby = _state(stack)["standby"]
    return bool(standby and standby["waited_for"] and standby["auto"])


def _state(stack: ThrowawayStack) -> dict[str, Any]:
    done: subprocess.CompletedProcess[str] = stack.run("standby", "status", "--json")
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {"standby": None}
    return found


def _url(stack: ThrowawayStack) -> str:
    told = stack.admin_dsn()
    return addresses.at(told, addresses.port_of(told), addresses.MAINTENANCE)


if __name__ == "__main__":
    main()
