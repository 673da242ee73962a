"""Replayed writes: each is due at its time, whether those before it are done or not, as users are.

What a write waits is counted from when it was due, so that a lock that nobody could pass is felt by all who
would have come meanwhile.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
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
USUAL = Rhythm(inserts=0.25, updates=0.75)  # of a table of which nothing is known
TIMEOUTS = {
    "lock_timeout": "15s",
    "statement_timeout": "60s",
    "application_name": "nexus rehearsal",
}  # roles.py
_OUTDATED = (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)


@dataclass(frozen=True)
class Write:
    """One write. `due` and `ended` are of the event loop's clock; `error`: why it failed ("" = not)."""

    table: Table
    kind: Kind
    due: float
    ended: float
    error: str = ""

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
        self.writes: list[Write] = []

    async def __aenter__(self) -> Load:
        """Begins to write.

        Raises:
            RehearsalFailed: the server cannot be written.
        """
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

    def during(self, spans: Sequence[tuple[float, float]]) -> list[Write]:
        """The writes that were waiting or at work within these spans of the loop's clock."""
        return [
            write
            for write in self.writes
            if any(write.due < end and write.ended > begin for begin, end in spans)
        ]

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

    async def _begin(self, table: Table, rhythm: Rhythm) -> None:
        connections: list[Connection] = []
        for _ in range(PER_TABLE if len(self._wanted) <= MANY_TABLES else 1):
            connections.append(await asyncpg.connect(self._url, timeout=10, server_settings=TIMEOUTS))
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
        self._tasks += [asyncio.create_task(self._work(hand, each, due)) for each in connections]

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
        clock = asyncio.get_running_loop()
        over = asyncio.create_task(self._over.wait())
        try:
            while not self._over.is_set():
                waiting = asyncio.create_task(due.get())
                await asyncio.wait({waiting, over}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    waiting.cancel()
                    return
                when, kind = waiting.result()
                if hand.writer is None:
                    continue
                connection, why = await self._write(hand, hand.writer, connection, kind)
                if why is not None:
                    self.writes.append(Write(hand.table, kind, when, clock.time(), why))
        finally:
            over.cancel()
            await connection.close(timeout=5)

    async def _write(
        self, hand: _Hand, writer: Writer, connection: Connection, kind: Kind
    ) -> tuple[Connection, str | None]:
        """Why a write failed, "" when it did not, None when it was none; and the connection to go on with."""
        try:
            await writer.write(connection, kind, self._chance)
        except _OUTDATED:
            hand.writer = await writer_of(connection, hand.table)
            if hand.writer is None:
                self._notes.append(f"{hand.table} was gone: it was not written any more")
            return connection, None
        except (asyncpg.ForeignKeyViolationError, asyncpg.RestrictViolationError) as refused:
            if kind == "delete":  # the row is needed: nobody would have deleted it
                return connection, None
            return connection, f"{refused}".splitlines()[0]
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as lost:
            return await asyncpg.connect(self._url, timeout=10, server_settings=TIMEOUTS), f"{lost}"
        except asyncpg.PostgresError as refused:
            return connection, f"{refused}".splitlines()[0]
        return connection, ""

    async def _end(self) -> None:
        self._over.set()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in ended:
            if isinstance(each, Exception):
                self._notes.append(f"writing ended early: {each}")


@dataclass
class _Hand:
    """Who writes one table; None once it is gone."""

    table: Table
    writer: Writer | None
