"""A snapshot of the cache (Valkey, Redis), asked for as a replica asks: it forks and sends, and stops nobody.

Nothing is written on the server's own disk, and it can run anywhere: https://valkey.io/topics/replication.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from nexus.recovery.errors import RecoveryFailed

WITHIN = 120.0  # seconds
LARGEST = 1 << 30  # bytes; a cache beyond that is built anew rather than stored
_DELIMITED = b"$EOF:"


@dataclass(frozen=True)
class Cache:
    """Where the server listens; `user` "" is the default one."""

    host: str
    port: int
    password: str = field(repr=False, default="")
    user: str = ""


async def snapshot(cache: Cache) -> bytes:
    """The whole content at one moment, as an RDB file.

    Raises:
        RecoveryFailed: the server cannot be reached, refuses us, or takes too long.
    """
    try:
        async with asyncio.timeout(WITHIN):
            reader, writer = await asyncio.open_connection(cache.host, cache.port)
            try:
                if cache.password:
                    user = [cache.user] if cache.user else []
                    await _command(reader, writer, "AUTH", *user, cache.password)
                # Without its disk: we know the end by a mark, and want no more than the snapshot.
                await _command(reader, writer, "REPLCONF", "capa", "eof", "rdb-only", "1")
                writer.write(_words("SYNC"))
                return await _payload(reader)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, EOFError, ValueError) as error:
        why = str(error) or type(error).__name__
        raise RecoveryFailed(f"the cache at {cache.host}:{cache.port} gives no snapshot: {why}") from error


async def _command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: str) -> None:
    writer.write(_words(*words))
    answer = await reader.readline()
    if not answer.startswith(b"+"):
        raise ValueError(f"it answered {answer.decode(errors='replace').strip()!r} to {words[0]}")


async def _payload(reader: asyncio.StreamReader) -> bytes:
    """What follows SYNC: empty lines while it forks, then a size or a mark that stands at the end."""
    while True:
        line = (await reader.readline()).strip()
        if reader.at_eof():
            raise EOFError("it hung up")
        if line:
            break
    if line.startswith(_DELIMITED):
        return await _until(reader, line.removeprefix(_DELIMITED))
    if not line.startswith(b"$"):
        raise ValueError(f"it answered {line.decode(errors='replace')!r} to SYNC")
    size = int(line[1:])
    if size > LARGEST:
        raise ValueError(f"it holds {size / 1e9:.1f} GB, more than is stored of a cache")
    return await reader.readexactly(size)


async def _until(reader: asyncio.StreamReader, mark: bytes) -> bytes:
    content = bytearray()
    while not content.endswith(mark):
        read = await reader.read(1 << 20)
        if not read:
            raise EOFError("it hung up in the middle of its snapshot")
        content += read
        if len(content) > LARGEST:
            raise ValueError(f"it holds more than {LARGEST / 1e9:.1f} GB, more than is stored of a cache")
    return bytes(content[: -len(mark)])


def _words(*words: str) -> bytes:
    parts = [f"*{len(words)}\r\n".encode()]
    parts += [f"${len(each.encode())}\r\n{each}\r\n".encode() for each in words]
    return b"".join(parts)
