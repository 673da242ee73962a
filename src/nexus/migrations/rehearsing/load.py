"""Replayed writes: each is due at its time, whether those before it are done or not, as users are.

What a write waits is counted from when it was due, so that a lock that nobody could pass is felt by all who
would have come meanwhile.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.effects.effect import Table
from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.migrations.rehearsing.report import LoadSeen
from nexus.migrations.rehearsing.rhythm import Measured, Rhythm
from nexus.migrations.rehearsing.writer import Kind, Writer, writer_of

if TYPE_CHECKING:
    from nexus.migrations.rehearsing.writer import Connection

FLOOR, CEILING = 20.0, 500.0  # writes a second, over all tables
PER_TABLE, MANY_TABLES = 2, 20  # connections to each; of more tables than these, one
USUAL_TABLES, MOST_TABLES = 14, 40  # that are written: the server has 100 connections for all
SURELY = 15.0  # writes that are to be expected: that there is none by chance happens once in 3 million times
USUAL = Rhythm(inserts=0.25, updates=0.75)  # of a table of which nothing is known
TIMEOUTS = {
    "lock_timeout": "15s",
    "statement_timeout": "60s",
    "application_name": "nexus rehearsal",
}  # roles.py
_OUTDATED = (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)


@dataclass(frozen=True)
class Write:
    """One write. `due` and `ended` are of the event loop's clock; `error`: why it failed ("" = not);
    `outdated`: a column or the table that it needs is not there any more.
    """

    table: Table
    kind: Kind
    due: float
    ended: float
    error: str = ""
    outdated: bool = False

    @property
    def seconds(self) -> float:
        """How long its user waited."""
        return self.ended - self.due


def rhythms(measured: Measured, touched: Collection[Table], factor: float = 1.0) -> dict[Table, Rhythm]:
    """How often each table is to be written: as measured, times `factor`; those that a plan touches at least
    so often that each lock meets a writer; no more in all than the rehearsal's machine is good for.
    """
    hottest = sorted(measured.tables, key=lambda table: -measured.tables[table].total)
    chosen = list(dict.fromkeys([*sorted(touched), *hottest]))
    chosen = chosen[: min(MOST_TABLES, max(USUAL_TABLES, len(touched)))]
    least = FLOOR / max(1, len(touched))
    found = {}
    for table in chosen:
        known = measured.tables.get(table, Rhythm())
        usual = known if known.total else USUAL
        want = max(known.total, least if table in touched else 0.0) * factor
        found[table] = usual.times(want / usual.total)
    total = sum(each.total for each in found.values())
    return {table: each.times(min(1.0, CEILING * max(1.0, factor) / total)) for table, each in found.items()}


def never_written(
    wanted: Mapping[Table, Rhythm], tried: Collection[Table], seconds: float
) -> tuple[str, ...]:
    """A sentence for each table that was not written once, though that cannot be chance."""
    return tuple(
        f"{table} was never written, though {each.total:.1f} writes a second were wanted"
        for table, each in sorted(wanted.items())
        if table not in tried and each.total * seconds > SURELY
    )


class Load:
    """Writes on the server that `url` names, from entering the block until leaving it."""

    def __init__(self, url: str, wanted: Mapping[Table, Rhythm], source: str, seed: int = 1) -> None:
        self._url = url
        self._wanted = dict(wanted)
        self._source = source
        self._chance = random.Random(seed)
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._written: dict[Table, Rhythm] = {}
        self._notes: list[str] = []
        self._tried: Counter[Table] = Counter()
        self._deaths: list[str] = []
        self._began = self._lasted = 0.0
        self.workers: list[asyncio.Task[None]] = []
        self.writes: list[Write] = []

    async def __aenter__(self) -> Load:
        """Begins to write.

        Raises:
            RehearsalFailed: the server cannot be written.
        """
        self._began = asyncio.get_running_loop().time()
        try:
            for table, rhythm in self._wanted.items():
                await self._begin(table, rhythm)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            await self._end()
            raise RehearsalFailed(f"writes cannot be replayed on the scratch server: {error}") from error
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    def seen(self) -> LoadSeen:
        """What was written."""
        return LoadSeen(
            rate=sum(each.total for each in self._written.values()),
            tables=tuple(sorted(str(table) for table in self._written)),
            writes=len(self.writes),
            failed=sum(1 for write in self.writes if write.error),
            source=self._source,
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def troubles(self) -> tuple[str, ...]:
        """Why the load was not what it should have been, so that nothing follows from it; after its end."""
        died = (f"writing ended early: {each}" for each in dict.fromkeys(self._deaths))
        return (*died, *never_written(self._written, self._tried, self._lasted))

    async def _begin(self, table: Table, rhythm: Rhythm) -> None:
        connections: list[Connection] = []
        for _ in range(PER_TABLE if len(self._wanted) <= MANY_TABLES else 1):
            connections.append(await self._connect())
        writer = await writer_of(connections[0], table)
        if writer is None:
            self._notes.append(f"{table} is not written: it is no table, or refuses each kind of write")
            for connection in connections:
                await connection.close()
            return
        self._notes += writer.notes
        self._written[table] = rhythm
        due: asyncio.Queue[tuple[float, Kind]] = asyncio.Queue()
        self._tasks.append(asyncio.create_task(self._schedule(rhythm, due)))
        hand = _Hand(table, writer)
        self.workers += [asyncio.create_task(self._work(hand, each, due)) for each in connections]

    async def _schedule(self, rhythm: Rhythm, due: asyncio.Queue[tuple[float, Kind]]) -> None:
        """Says when the next write is due: at random times, as independent users come."""
        clock = asyncio.get_running_loop()
        kinds: tuple[Kind, ...] = ("update", "insert", "delete")
        weights = (rhythm.updates, rhythm.inserts, rhythm.deletes)
        next_one = clock.time()
        while not self._over.is_set():
            next_one += self._chance.expovariate(rhythm.total)
            try:
                async with asyncio.timeout_at(next_one):
                    await self._over.wait()
            except TimeoutError:
                due.put_nowait((next_one, self._chance.choices(kinds, weights)[0]))

    async def _work(
        self, hand: _Hand, connection: Connection, due: asyncio.Queue[tuple[float, Kind]]
    ) -> None:
        over = asyncio.create_task(self._over.wait())
        try:
            while not self._over.is_set():
                waiting = asyncio.create_task(due.get())
                await asyncio.wait({waiting, over}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    waiting.cancel()
                    return
                when, kind = waiting.result()
                connection = await self._write(hand, connection, kind, when)
        finally:
            over.cancel()
            try:
                await connection.close(timeout=5)
            except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError):
                connection.terminate()

    async def _write(self, hand: _Hand, connection: Connection, kind: Kind, due: float) -> Connection:
        """Writes one row and records how that went; returns the connection to go on with."""
        writer = hand.writer
        if writer is None:
            return connection
        self._tried[hand.table] += 1
        why, outdated, lost = "", False, False
        try:
            await writer.write(connection, kind, self._chance)
        except _OUTDATED as gone:
            why, outdated = _first_line(gone), True
        except (asyncpg.ForeignKeyViolationError, asyncpg.RestrictViolationError) as refused:
            if kind == "delete":  # the row is needed: nobody would have deleted it
                return connection
            why = _first_line(refused)
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as gone:
            why, lost = _first_line(gone), True
        except asyncpg.PostgresError as refused:
            why = _first_line(refused)
        self.writes.append(Write(hand.table, kind, due, asyncio.get_running_loop().time(), why, outdated))
        if lost:
            connection.terminate()
            return await self._connect()
        if outdated:
            await self._renew(hand, connection)
        return connection

    async def _renew(self, hand: _Hand, connection: Connection) -> None:
        """Finds out how the table is written now; the next write asks again where that is not to be had."""
        try:
            hand.writer = await writer_of(connection, hand.table)
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            self._notes.append(f"{hand.table} was not looked at anew at once: {_first_line(error)}")
            return
        if hand.writer is None:
            self._notes.append(f"{hand.table} was gone: it was not written any more")

    async def _connect(self) -> Connection:
        return await asyncpg.connect(self._url, timeout=10, server_settings=TIMEOUTS)

    async def _end(self) -> None:
        self._lasted = asyncio.get_running_loop().time() - self._began
        self._over.set()
        ended = await asyncio.gather(*self._tasks, *self.workers, return_exceptions=True)
        self._deaths = [_first_line(each) for each in ended if isinstance(each, Exception)]


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


@dataclass
class _Hand:
    """Who writes one table; None once it is gone."""

    table: Table
    writer: Writer | None
