"""One connection to Redis or Valkey that never reconnects by itself.

The relay must notice each lost connection (the server may have come back with less than it had), which pooled
clients hide by retrying. Parsing and packing are libvalkey's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import libvalkey

ReplyError = libvalkey.ReplyError
Argument = str | bytes | int | float

CONNECT_TIMEOUT_S = 3.0
CALL_TIMEOUT_S = 5.0


class RedisDown(Exception):
    """The connection cannot be made or was lost; the message says why."""


class RedisLink:
    """A connection made by ``connect`` and, once lost, gone until the next ``connect``.

    Calls are serialised: use one link for blocking reads and another for everything else.
    """

    def __init__(self, url: str, name: str) -> None:
        """``url``: ``redis://[user:password@]host[:port][/db]`` or ``unix:///path?db=0``; ``name`` for CLIENT
        LIST.
        """
        self._url = urlsplit(url)
        if self._url.scheme not in ("redis", "valkey", "unix"):
            raise ValueError(
                f"REDIS_URL must start with redis://, valkey:// or unix://, not {self._url.scheme!r}"
            )
        self._name = name
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._parser = libvalkey.Reader()
        self._lock = asyncio.Lock()
        self._connecting = asyncio.Lock()

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._writer is not None and not self._writer.is_closing()

    async def connect(self) -> None:
        """Connect, log in, choose the database, unless the link stands. Raises RedisDown."""
        async with self._connecting:
            if not self.connected:
                await self._connect()

    async def _connect(self) -> None:
        self.close()
        url = self._url
        try:
            if url.scheme == "unix":
                connecting = asyncio.open_unix_connection(url.path)
            else:
                connecting = asyncio.open_connection(url.hostname or "127.0.0.1", url.port or 6379)
            self._reader, self._writer = await asyncio.wait_for(connecting, CONNECT_TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            raise RedisDown(f"cannot connect: {error or 'timeout'}") from error
        self._parser = libvalkey.Reader(encoding="utf-8", errors="replace", notEnoughData=_INCOMPLETE)
        hello: list[Sequence[Argument]] = []
        if url.password:
            user = [unquote(url.username)] if url.username else []
            hello.append(("AUTH", *user, unquote(url.password)))
        database = (
            parse_qs(url.query).get("db", ["0"])[0] if url.scheme == "unix" else url.path.strip("/") or "0"
        )
        hello.append(("SELECT", database))
        hello.append(("CLIENT", "SETNAME", self._name))
        for reply in await self.pipeline(hello):
            if isinstance(reply, ReplyError):
                self.close()
                raise RedisDown(f"refused: {reply}")

    async def call(self, *command: Argument, timeout: float = CALL_TIMEOUT_S) -> Any:
        """Send one command and return its reply. Raises ReplyError for an error reply, RedisDown when the
        link is lost.
        """
        reply = (await self.pipeline([command], timeout))[0]
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    async def pipeline(
        self, commands: Sequence[Sequence[Argument]], timeout: float = CALL_TIMEOUT_S
    ) -> list[Any]:
        """Send commands in one go and return their replies; error replies come as ReplyError values."""
        async with self._lock:
            if self._writer is None or self._reader is None:
                raise RedisDown("not connected")
            try:
                async with asyncio.timeout(timeout):
                    self._writer.write(
                        b"".join([libvalkey.pack_command(tuple(command)) for command in commands])
                    )
                    return [await self._reply(self._reader) for _ in commands]
            except (OSError, TimeoutError, libvalkey.ProtocolError) as error:
                self.close()
                raise RedisDown(str(error) or "timeout") from error
            except BaseException:
                self.close()  # cancelled half-way: what comes next would be someone else's reply
                raise

    async def _reply(self, reader: asyncio.StreamReader) -> Any:
        while (reply := self._parser.gets()) is _INCOMPLETE:
            data = await reader.read(1 << 16)
            if not data:
                raise ConnectionResetError("closed by the server")
            self._parser.feed(data)
        if isinstance(reply, ReplyError) and str(reply).startswith(
            ("LOADING", "MASTERDOWN", "READONLY", "OOM")
        ):
            raise ConnectionError(str(reply))
        return reply

    def close(self) -> None:
        """Drop the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


_INCOMPLETE = object()
