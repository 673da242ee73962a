"""The living server, asked about once a second over one connection that is kept."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import asyncpg

from nexus.recovery.streaming.server import Connection, Facts, ask

PATIENCE = 5.0  # seconds for one question


class Away(Exception):
    """The server does not answer; the message says why."""


class Watch:
    """`facts`: what the server said last, `heard` when (CLOCK_MONOTONIC); None before its first word.
    `asked`: when it was asked for that.
    """

    def __init__(self, url: Path) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._asking = asyncio.Lock()
        self.facts: Facts | None = None
        self.heard: float | None = None
        self.asked = 0.0
        self.away = ""
        self._connected = ""  # the address

    def address(self) -> str:
        """The server's address. Raises OSError."""
        return self._url.read_text().strip()

    async def look(self) -> Facts | None:
        """Asks the server; None when it does not answer, and `away` says why."""
        try:
            async with self.asking() as connection:
                asked = time.monotonic()
                self.facts, self.asked = await ask(connection), asked
        except Away as error:
            self.away = str(error)
            return None
        self.heard, self.away = time.monotonic(), ""
        return self.facts

    def asking(self) -> Asking:
        """The connection, for one at a time: `async with watch.asking() as connection`. Raises Away."""
        return Asking(self)

    async def close(self) -> None:
        """Lets go of the server."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def take(self) -> Connection:
        """The connection, made when there is none. Raises what asyncpg raises, OSError."""
        await self._asking.acquire()
        try:
            address = self.address()
            if self._connection is not None and address != self._connected:  # another server is in its stead
                await self.close()
            if self._connection is None or self._connection.is_closed():
                settings = {"application_name": "nexus stream"}
                self._connected = address
                self._connection = await asyncpg.connect(
                    address, timeout=PATIENCE, command_timeout=PATIENCE, server_settings=settings
                )
        except BaseException:
            self._asking.release()
            raise
        return self._connection

    async def give_back(self, broken: bool) -> None:
        """Ends what `take` began."""
        try:
            if broken:
                await self.close()
        finally:
            self._asking.release()


class Asking:
    """One use of the connection; whatever fails, fails as Away."""

    _FAULTS = (
        OSError,
        TimeoutError,
        ValueError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    )

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    async def __aenter__(self) -> Connection:
        try:
            return await self._watch.take()
        except self._FAULTS as error:
            raise Away(_said(error)) from error

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await self._watch.give_back(broken=error is not None)
        if isinstance(error, self._FAULTS):
            raise Away(_said(error)) from error


def _said(error: BaseException) -> str:
    return str(error) or f"it did not answer within {PATIENCE:.0f} s"
