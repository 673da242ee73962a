"""What is written to a victim while it is drilled: row after row, with a journal of what was acknowledged.

The journal is kept outside of the database: it knows what a client was told, whatever becomes of the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field

import asyncpg

from nexus.control.drilling.proofs import Clock
from nexus.recovery.drilling.proving import ACKNOWLEDGED
from nexus.recovery.drilling.report import Finding, State
from nexus.recovery.drilling.showing import seconds
from nexus.runtimes.protocol import StartError

PAUSE = 0.02  # seconds between two writes: fifty a second
CONNECT = 5.0
ENOUGH_WITHIN = 60.0
TABLE = "nexus_drill.writes"
_MAKE = f"""
CREATE SCHEMA IF NOT EXISTS nexus_drill;
CREATE TABLE IF NOT EXISTS {TABLE} (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
"""


@dataclass(frozen=True)
class Write:
    """A row: when its write was begun, and when it was acknowledged, in seconds since the epoch."""

    id: int
    begun: float
    acknowledged: float


@dataclass
class Load:
    """`url`: a superuser's address of the victim's database."""

    url: str = field(repr=False)
    writes: list[Write] = field(default_factory=list)
    refused: int = 0
    _task: asyncio.Task[None] | None = None
    _next: int = 1

    async def start(self) -> None:
        """Makes the table and begins. Raises OSError, asyncpg.PostgresError."""
        connection = await asyncpg.connect(self.url, timeout=CONNECT)
        try:
            await connection.execute(_MAKE)
        finally:
            await connection.close(timeout=CONNECT)
        self._task = asyncio.create_task(self._write(), name="load of the drill")

    async def stop(self) -> None:
        """Writes no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def more(self, count: int) -> None:
        """Waits until so many more writes were acknowledged.

        Raises:
            StartError: they were not, for a long time.
        """
        wanted, give_up = len(self.writes) + count, time.monotonic() + ENOUGH_WITHIN
        while len(self.writes) < wanted:
            if time.monotonic() > give_up or self._task is None or self._task.done():
                raise StartError("the victim does not take what is written to it")
            await asyncio.sleep(PAUSE)

    async def _write(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self.url, timeout=CONNECT)
                try:
                    await self._until_it_breaks(connection)
                finally:
                    connection.terminate()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                self.refused += 1  # the disaster; a client tries again
                await asyncio.sleep(PAUSE)

    async def _until_it_breaks(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        while True:
            number, begun = self._next, time.time()
            self._next += 1  # a write that broke may be there: its number is not used again
            await connection.execute(f"INSERT INTO {TABLE} (id) VALUES ($1)", number)
            self.writes.append(Write(number, begun, time.time()))
            await asyncio.sleep(PAUSE)


async def present(url: str) -> frozenset[int]:
    """The rows that are there. Raises OSError, asyncpg.PostgresError."""
    connection = await asyncpg.connect(url, timeout=CONNECT)
    try:
        return frozenset(row[0] for row in await connection.fetch(f"SELECT id FROM {TABLE}"))
    finally:
        await connection.close(timeout=CONNECT)


def all_there(
    writes: Collection[Write], there: Collection[int], disaster: float, promised: float | None
) -> tuple[Finding, float]:
    """Whether all that was acknowledged is there, or only as much is missing as was promised (None: nothing
    may be); and how many seconds before the disaster (since the epoch) the oldest was that is missing. Pure.
    """
    clock = Clock()
    if not writes:
        return clock.finding(ACKNOWLEDGED, "failed", "nothing was written before the disaster"), 0.0
    missing = [each for each in writes if each.id not in there]
    if not missing:
        text = "{count} acknowledged writes are all there"
        return clock.finding(ACKNOWLEDGED, "passed", text, count=len(writes)), 0.0
    loss = max(0.0, disaster - min(each.acknowledged for each in missing))
    text = (
        "{missing} of {count} acknowledged writes are missing, the oldest {loss} older than the disaster; "
        "{promised} are promised"
    )
    values = {"missing": len(missing), "count": len(writes), "loss": seconds(loss)}
    state: State = "passed" if promised is not None and loss <= promised else "failed"
    return clock.finding(ACKNOWLEDGED, state, text, **values, promised=seconds(promised or 0.0)), loss


def as_of(writes: Collection[Write], there: Collection[int], moment: float) -> Finding:
    """Whether there is what was acknowledged until a moment, and nothing that was begun after it. Pure."""
    clock = Clock()
    before = [each for each in writes if each.acknowledged <= moment]
    after = [each for each in writes if each.begun > moment]
    missing = [each for each in before if each.id not in there]
    more = [each for each in after if each.id in there]
    if not before or not after:
        return clock.finding(ACKNOWLEDGED, "failed", "nothing was written before the disaster")
    if missing or more:
        text = (
            "{missing} of {count} writes until the chosen moment are missing, {more} of those after it are "
            "there"
        )
        values = {"missing": len(missing), "count": len(before), "more": len(more)}
        return clock.finding(ACKNOWLEDGED, "failed", text, **values)
    text = "all {count} writes until the chosen moment are there, and none of the {later} after it"
    return clock.finding(ACKNOWLEDGED, "passed", text, count=len(before), later=len(after))
