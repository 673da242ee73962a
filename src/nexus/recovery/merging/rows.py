"""All rows of a table as text, in the order of their keys, as fast as the server hands them out.

Each row is one line of COPY's text format (manual, COPY): the values of its columns, whether it is one that
the operator asked for, and, on the living side, which transaction wrote it and when. Memory is what a few
reads of the connection hold, however large the table.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.quoting import identifier
from nexus.recovery.merging.pairing import Pair
from nexus.recovery.merging.tables import Column, Table

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

AHEAD = 4  # reads
NULL = b"\\N"
# The same text for the same value on both servers, whatever a role or a database sets.
OUTPUT = {
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "xmlbinary": "base64",
    "client_encoding": "UTF8",
}
_ESCAPES = {
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}


def query(pair: Pair, now: bool, condition: str = "", clock: bool = False) -> str:
    """The question whose answer is the lines. `now`: of the living side; `condition`: as `checked` gives it;
    `clock`: whether the server knows when transactions were committed (track_commit_timestamp).
    """
    table: Table = pair.now if now else pair.then
    values = {each.name: identifier(each.name) + _cast(pair, each, now) for each in pair.columns}
    asked = f"coalesce(({condition})::boolean, false)" if condition else "true"
    numbers = numbers_of(pair)
    ordered = [f"trim_scale({values[each]})" if each in numbers else values[each] for each in pair.key]
    order = ", ".join(f'{each}::text COLLATE "C"' for each in ordered)
    told = [*(f"{each}::text" for each in values.values()), asked]
    if now:
        at = "extract(epoch FROM pg_xact_commit_timestamp(xmin))::text" if clock else "NULL"
        told += ["xmin::text", at]
    return f"SELECT {', '.join(told)} FROM {table.rows} ORDER BY {order}"


def numbers_of(pair: Pair) -> frozenset[str]:
    """The columns of the key whose values are the same whatever zeros stand behind the point."""
    return frozenset(each.name for each in pair.columns if each.type == "numeric" and each.name in pair.key)


def _cast(pair: Pair, column: Column, now: bool) -> str:
    type_ = "" if now else pair.recast(column)
    return f"::{type_}" if type_ else ""


class Rows:
    """The lines of one side."""

    def __init__(self, lines: asyncio.Queue[list[bytes] | None], work: asyncio.Task[str]) -> None:
        self._queue = lines
        self._work = work
        self._lines: list[bytes] = []
        self._at = 0
        self.read = 0

    async def next(self) -> bytes | None:
        """The next line; None after the last.

        Raises:
            asyncpg.PostgresError, OSError: the server could not go on.
        """
        while self._at == len(self._lines):
            more = await self._queue.get()
            if more is None:
                await self._work
                self._queue.put_nowait(None)
                return None
            self._lines, self._at = more, 0
        line = self._lines[self._at]
        self._at += 1
        self.read += 1
        return line


@asynccontextmanager
async def streamed(connection: Connection, question: str) -> AsyncIterator[Rows]:
    """The lines of a question, while the block runs. `connection` is in a transaction."""
    lines: asyncio.Queue[list[bytes] | None] = asyncio.Queue(AHEAD)
    rest, left = b"", False

    async def take(data: bytes) -> None:
        nonlocal rest
        *whole, rest = (rest + data).split(b"\n")
        if whole:
            await lines.put(whole)

    async def read() -> str:
        try:
            return await connection.copy_from_query(question, output=take, format="text")
        finally:
            if not left:  # somebody still reads
                await lines.put(None)

    work = asyncio.create_task(read())
    try:
        yield Rows(lines, work)
    finally:
        left = True
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, asyncpg.PostgresError, OSError):
            await work


def key_of(fields: list[bytes], places: tuple[int, ...], numbers: frozenset[int]) -> list[bytes]:
    """The key of a row, as the server orders it. `numbers`: the places of numbers, which are trimmed."""
    return [trimmed(fields[each]) if each in numbers else plain(fields[each]) for each in places]


def trimmed(number: bytes) -> bytes:
    """What trim_scale makes of a number's text."""
    return number.rstrip(b"0").rstrip(b".") if b"." in number else number


def plain(field: bytes) -> bytes:
    """A value as it is, without COPY's escapes."""
    if b"\\" not in field:
        return field
    first, *parts = field.split(b"\\")
    found, escaped = [first], iter(parts)
    for part in escaped:
        if not part:  # an escaped backslash; what follows it is text
            found.append(b"\\" + next(escaped, b""))
        else:
            found.append(_ESCAPES.get(part[:1], part[:1]) + part[1:])
    return b"".join(found)


def value(field: bytes) -> str | None:
    """A value for people and JSON."""
    return None if field == NULL else plain(field).decode("utf-8", "replace")
