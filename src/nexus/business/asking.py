"""Questions to the database on behalf of figures: read-only, short, and one at a time.

A database that falls silent costs one question its longest time. Then everybody hears at once that it is
away, while it is tried again in the background.

AwayError              nothing can be asked now
RefusedError           this one question was not answered
SlowError              because it took too long
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

log = logging.getLogger("nexus.telemetry")

LOCK_WAIT = 0.5
NO_ANSWER = "no answer"
_LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)


class AwayError(RuntimeError):
    """The database cannot be asked at all; the text says why."""


class RefusedError(RuntimeError):
    """The database did not answer this question; the text says why."""


class SlowError(RefusedError):
    """The question took longer than allowed."""


@dataclass(frozen=True)
class Patience:
    """In seconds: how long the server may spend on a question, how much longer until the connection is given
    up, how long connecting may take, and how long after an attempt there is another one, so that a database
    that is back is found at once.
    """

    longest: float = 2.0
    grace: float = 3.0
    connecting: float = 5.0
    pause: float = 2.0

    @property
    def settings(self) -> dict[str, str]:
        """What the server is told of it, and of the session."""
        return {
            "application_name": "nexus figures",
            "default_transaction_read_only": "on",
            "statement_timeout": str(round(self.longest * 1000)),
            "lock_timeout": str(round(LOCK_WAIT * 1000)),
            "idle_in_transaction_session_timeout": str(round((self.longest + self.grace) * 1000)),
            "jit": "off",  # compiling costs more than such questions do
        }


class Rows(NamedTuple):
    """An answer, and the seconds it took."""

    rows: list[dict[str, Any]]
    seconds: float


class Database:
    """The database of a stack, asked by its role that may only read; a replica when there is one.

    `aim` says where; `away` is why nothing can be asked now ("" while nothing is known to be wrong).
    """

    def __init__(self, patience: Patience = Patience()) -> None:
        self._patience = patience
        self.away = "no database is known yet"
        self._secret: Path | None = None
        self._connection: asyncpg.Connection[Any] | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._next_attempt = 0.0

    def aim(self, secrets: Mapping[str, str]) -> None:
        """From now on the address in the file `replica_url`, or else `check_url`, is asked."""
        told = secrets.get("replica_url") or secrets.get("check_url")
        secret = Path(told) if told else None
        if secret != self._secret:
            self._secret = secret
            self._next_attempt = 0.0
            self._drop()
            self.away = ""
        if secret is None:
            self.away = "the stack has no database that could be asked"

    async def ask(self, sql: str, *arguments: object, limit: int) -> Rows:
        """The first `limit` rows. Raises AwayError, RefusedError, SlowError."""
        async with self._one_at_a_time:
            connection = await self._connected()
            clock = asyncio.get_running_loop()
            # Not a timeout around it: that would wait for the end of the transaction, too.
            longest = clock.call_later(self._patience.longest + self._patience.grace, connection.terminate)
            began = time.perf_counter()
            try:
                async with connection.transaction(readonly=True):
                    cursor = await connection.cursor(sql, *arguments)
                    rows = [dict(row) for row in await cursor.fetch(limit)]
                return Rows(rows, time.perf_counter() - began)
            except asyncpg.QueryCanceledError as slow:
                raise SlowError(f"took longer than {self._patience.longest:g} s") from slow
            except _LOST as lost:
                why = NO_ANSWER if clock.time() >= longest.when() else _line(lost)
                self._drop()
                raise AwayError(self._told(f"the database went away ({why})")) from lost
            except (asyncpg.PostgresError, TypeError, ValueError) as refused:
                raise RefusedError(_line(refused)) from refused
            finally:
                longest.cancel()

    def close(self) -> None:
        """Ends the connection without waiting for the server."""
        self._drop()

    async def _connected(self) -> asyncpg.Connection[Any]:
        """Waits for a connection unless the database is known to be away."""
        if self._connection is None or self._connection.is_closed():
            if self._secret is None:
                raise AwayError(self.away)
            due = asyncio.get_running_loop().time() >= self._next_attempt
            if due and (self._attempt is None or self._attempt.done()):
                self._attempt = asyncio.create_task(self._connect(self._secret))
            if self._attempt is not None and not self.away:
                await self._attempt
        if self._connection is None or self._connection.is_closed():
            raise AwayError(self.away)
        return self._connection

    async def _connect(self, secret: Path) -> None:
        try:
            address = secret.read_text(encoding="utf-8").strip()
            self._connection = await asyncpg.connect(
                address, timeout=self._patience.connecting, server_settings=self._patience.settings
            )
        except (*_LOST, asyncpg.PostgresError, ValueError) as error:
            self._next_attempt = asyncio.get_running_loop().time() + self._patience.pause
            self._told(f"the database cannot be asked ({_line(error)})")
            return
        if self.away:
            log.info("figures: the database answers")
        self.away = ""

    def _told(self, why: str) -> str:
        if why != self.away:
            log.warning("figures pause: %s", why)
        self.away = why
        return why

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        attempt, self._attempt = self._attempt, None
        if connection is not None:
            connection.terminate()
        if attempt is not None:
            attempt.cancel()


def _line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else NO_ANSWER if isinstance(error, TimeoutError) else type(error).__name__
