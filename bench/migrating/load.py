"""Writes at an even rate in a process of its own: how long each took from the moment it was due."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

import asyncpg

CONNECTIONS = 24


class Writes:
    """Open loop: a write that is late is counted from when it was due. `code` may change while it runs."""

    def __init__(self, dsn: str, rate: float, rows: int, update: str, insert: str) -> None:
        self._dsn, self._rate, self._rows = dsn, rate, rows
        self.code = [update, insert]
        self.took: list[tuple[float, float]] = []
        self.failed: list[str] = []
        self.late = 0

    async def run(self, ended: asyncio.Event) -> None:
        """Writes until `ended`."""
        pool = await asyncpg.create_pool(
            self._dsn, min_size=CONNECTIONS, max_size=CONNECTIONS, statement_cache_size=0
        )
        waiting: set[asyncio.Task[None]] = set()
        begin, number = time.perf_counter(), 0
        while not ended.is_set():
            due = begin + number / self._rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(self._write(pool, number, due))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            number += 1
        await asyncio.gather(*waiting)
        await pool.close()

    async def _write(self, pool: asyncpg.Pool, number: int, due: float) -> None:
        update, insert = self.code
        statement = insert if number % 10 == 0 else update
        try:
            await pool.execute(statement, random.randrange(1, self._rows), timeout=120)
        except (asyncpg.PostgresError, TimeoutError, OSError) as error:
            self.failed.append(f"{type(error).__name__}: {error}")
        self.took.append((due, time.perf_counter() - due))


async def main() -> None:
    """Reads one JSON line of settings, then lines of new code; an empty line ends it and prints the figures."""
    loop = asyncio.get_running_loop()

    async def line() -> str:
        return (await loop.run_in_executor(None, sys.stdin.readline)).strip()

    asked = json.loads(await line())
    writes, ended = Writes(**asked), asyncio.Event()
    running = asyncio.create_task(writes.run(ended))
    while told := await line():
        writes.code = json.loads(told)
    ended.set()
    await running
    took = sorted(seconds for _, seconds in writes.took)
    figures = {
        "writes": len(took),
        "failed": len(writes.failed),
        "errors": sorted(set(writes.failed))[:3],
        "worst": took[-1],
        "p99": took[int(len(took) * 0.99)],
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
