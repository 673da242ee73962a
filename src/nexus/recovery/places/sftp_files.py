"""Files over SFTP: sent from where they were cut off, fetched, and their SHA-256 read back."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

from asyncssh import FXF_CREAT, FXF_READ, FXF_WRITE, SFTPAttrs, SFTPClient, SFTPClientFile, SFTPOpUnsupported

from nexus.recovery.places.pace import Pace
from nexus.recovery.places.sftp_session import Line

WINDOW = 1 << 20  # bytes that are on their way at once; what follows them waits until they arrived
PRIVATE = SFTPAttrs(permissions=0o600)
OWN_FOLDER = SFTPAttrs(permissions=0o700)


async def send(line: Line, file: Path, draft: str, pace: Pace, start_over: bool) -> None:
    """Writes what a draft lacks, durably. It is never made shorter: whoever else writes it writes the same.

    Raises:
        asyncssh.SFTPError: the server refuses.
    """
    flags = FXF_READ | FXF_WRITE | FXF_CREAT
    async with line.client.open(draft, flags, PRIVATE, encoding=None) as target:
        there = (await target.stat()).size or 0
        start = 0 if start_over else there // WINDOW * WINDOW  # the last window may have holes
        with file.open("rb") as source:
            source.seek(start)
            while block := await asyncio.to_thread(source.read, WINDOW):
                await pace.wait(len(block))
                await target.write(block, start)
                start += len(block)
                line.moved()
        with contextlib.suppress(SFTPOpUnsupported):  # an extension of OpenSSH's
            await target.fsync()


async def fetch(line: Line, path: str, file: Path) -> None:
    """Fetches a file; what is at `file` is written over. Raises asyncssh.SFTPError, OSError."""
    with file.open("wb") as target:
        async for block in _blocks(line, path):
            await asyncio.to_thread(target.write, block)


async def remote_digest(line: Line, path: str) -> str:
    """SHA-256 of what is stored. Raises asyncssh.SFTPError."""
    found = hashlib.sha256()
    async for block in _blocks(line, path):
        found.update(block)
    return found.hexdigest()


async def room(client: SFTPClient, root: str) -> int | None:
    """Bytes that still fit; None where the server does not tell. Raises asyncssh.SFTPError."""
    try:
        told = await client.statvfs(root)
    except SFTPOpUnsupported:  # an extension of OpenSSH's
        return None
    return int(told.bavail * told.frsize)


async def read(file: SFTPClientFile, size: int, offset: int) -> bytes:
    """Bytes of a file that was opened without an encoding. Raises asyncssh.SFTPError."""
    return cast(bytes, await file.read(size, offset))


async def _blocks(line: Line, path: str) -> AsyncIterator[bytes]:
    async with line.client.open(path, FXF_READ, encoding=None) as file:
        offset = 0
        while block := await read(file, WINDOW, offset):
            line.moved()
            yield block
            offset += len(block)
