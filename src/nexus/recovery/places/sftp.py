"""A place on another machine, by SFTP (draft-ietf-secsh-filexfer-02, as OpenSSH's sftp-server speaks it).

A file grows under a draft's name, from where it was cut off; it is read back and compared by SHA-256, and
only then given its name with SFTP's own rename, which replaces nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import stat
import time
from collections.abc import AsyncIterator, Collection
from functools import partial
from pathlib import Path
from typing import NamedTuple

from asyncssh import (
    FXF_CREAT,
    FXF_EXCL,
    FXF_READ,
    FXF_WRITE,
    SFTPClient,
    SFTPError,
    SFTPFailure,
    SFTPFileAlreadyExists,
    SFTPNoSuchFile,
    SFTPNoSuchPath,
)

from nexus.recovery.errors import Conflict, PlaceError
from nexus.recovery.places import keys, sftp_files
from nexus.recovery.places.digest import digest_of
from nexus.recovery.places.marker import MARKER, Marker, new_marker
from nexus.recovery.places.pace import FREE, Pace
from nexus.recovery.places.place import Entry
from nexus.recovery.places.sftp_files import OWN_FOLDER, PRIVATE
from nexus.recovery.places.sftp_session import Line, SftpSession
from nexus.recovery.places.telling import Telling, no_room

ABANDONED = 86400.0  # seconds after which nobody goes on with a draft
_GONE = (SFTPNoSuchFile, SFTPNoSuchPath)
_PROBE = b"Nexus can write here.\n"


class _Known(NamedTuple):
    """Folders that a client was seen to have, after the marker."""

    client: SFTPClient
    folders: set[str]


class Sftp:
    """The folder `root` of a session's machine."""

    def __init__(self, name: str, session: SftpSession, root: str, marker: Marker) -> None:
        self._name = name
        self._session = session
        self._root = root.rstrip("/") or "/"
        self._marker = marker
        self._known: _Known | None = None

    @property
    def name(self) -> str:
        """As `nexus.yaml` calls it."""
        return self._name

    async def put(self, key: str, file: Path, pace: Pace = FREE) -> None:
        """Stores a file. Raises Conflict, NoRoom, PlaceError."""
        keys.checked(key)
        digest = await asyncio.to_thread(digest_of, file)
        await self._session.run(key, partial(self._put, key, file, digest, pace))

    async def get(self, key: str, file: Path) -> None:
        """Fetches a file. Raises Missing, PlaceError."""

        async def fetch(line: Line) -> None:
            await self._ready(line.client)
            await sftp_files.fetch(line, self._path(key), file)

        with Telling(self._name, file.parent).of(key):
            file.touch(exist_ok=False)
            try:
                await self._session.run(key, fetch)
            except BaseException:
                file.unlink()
                raise

    async def entries(self, prefix: str = "") -> tuple[Entry, ...]:
        """What is stored below a prefix. Raises PlaceError."""
        folder = keys.folder_of(prefix)

        async def walk(line: Line) -> list[Entry]:
            await self._ready(line.client)
            return [entry async for entry in self._walk(line, folder) if entry.key.startswith(prefix)]

        return tuple(sorted(await self._session.run(prefix, walk), key=lambda entry: entry.key))

    async def delete(self, keys: Collection[str]) -> None:
        """Deletes files. Raises PlaceError."""

        async def remove(line: Line) -> None:
            await self._ready(line.client)
            for key in keys:
                with contextlib.suppress(*_GONE):
                    await line.client.remove(self._path(key))
                line.moved()
            await self._drop_empty(line.client, {key.rpartition("/")[0] for key in keys})

        await self._session.run(next(iter(keys), ""), remove)

    async def free(self) -> int | None:
        """Bytes that still fit; None where the server does not tell. Raises PlaceError."""
        return await self._session.run("", lambda line: sftp_files.room(line.client, self._root))

    async def check(self) -> None:
        """Writes, reads and deletes a file. Raises NoRoom, PlaceError."""
        probe = f"{self._root}/{keys.draft_name('check', str(time.time_ns()))}"

        async def attempt(line: Line) -> bytes:
            await self._ready(line.client, writing=True)
            flags = FXF_READ | FXF_WRITE | FXF_CREAT
            async with line.client.open(probe, flags, PRIVATE, encoding=None) as file:
                await file.write(_PROBE)
                found = await sftp_files.read(file, -1, 0)
            await line.client.remove(probe)
            return found

        if await self._session.run("check", attempt) != _PROBE:
            raise PlaceError(
                f"place {self._name}: {self._session.address} gives back other bytes than it got"
            )

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._session.close()

    async def _put(self, key: str, file: Path, digest: str, pace: Pace, line: Line) -> None:
        client, path, size = line.client, self._path(key), file.stat().st_size
        await self._ready(client, writing=True)
        if await client.exists(path):
            return await self._compare(line, key, size, digest)
        folder, _, name = path.rpartition("/")
        await self._make_folder(client, folder)
        draft = f"{folder}/{keys.draft_name(name, digest[:16])}"
        try:
            await self._complete(line, key, file, draft, digest, pace)
            await client.rename(draft, path)
        except (SFTPFailure, SFTPFileAlreadyExists, *_GONE) as error:
            if await client.exists(path):  # another writer was first
                with contextlib.suppress(*_GONE):
                    await client.remove(draft)
                return await self._compare(line, key, size, digest)
            room = await sftp_files.room(client, self._root)
            if room is not None and room < size:  # SFTP 3 has no word for a full disk
                with contextlib.suppress(*_GONE):
                    await client.remove(draft)  # what is smaller may still fit
                left = await sftp_files.room(client, self._root)
                raise no_room(self._name, self._session.address, key, size, left) from error
            self._known = None  # a folder was taken away, or the whole disk
            raise
        return None

    async def _complete(self, line: Line, key: str, file: Path, draft: str, digest: str, pace: Pace) -> None:
        """Sends what the draft lacks; all of it where what is there is wrong."""
        for start_over in (False, True):
            await sftp_files.send(line, file, draft, pace, start_over)
            if await sftp_files.remote_digest(line, draft) == digest:
                return
        await line.client.remove(draft)
        raise PlaceError(
            f"place {self._name}: {key} arrives at {self._session.address} with other bytes than were sent; "
            "is its disk well?"
        )

    async def _compare(self, line: Line, key: str, size: int, digest: str) -> None:
        path = self._path(key)
        there = (await line.client.stat(path)).size
        if there != size or await sftp_files.remote_digest(line, path) != digest:
            raise Conflict(
                f"place {self._name}: {path} holds other bytes than those that are to be stored; nothing is "
                "replaced. If it is damaged, remove it and its copy is made again"
            )

    async def _walk(self, line: Line, folder: str) -> AsyncIterator[Entry]:
        try:
            names = await line.client.readdir(self._path(folder) if folder else self._root)
        except _GONE:
            return
        line.moved()
        for told in names:
            name, attributes = str(told.filename), told.attrs
            key = f"{folder}/{name}" if folder else name
            modified = float(attributes.mtime or 0)
            if name.startswith("."):
                if keys.is_draft(name) and time.time() - modified > ABANDONED:
                    with contextlib.suppress(*_GONE):
                        await line.client.remove(f"{self._root}/{key}")
            elif stat.S_ISDIR(attributes.permissions or 0):
                async for entry in self._walk(line, key):
                    yield entry
            else:
                yield Entry(key, attributes.size or 0, modified)

    async def _drop_empty(self, client: SFTPClient, folders: Collection[str]) -> None:
        for folder in sorted(folders, reverse=True):
            while folder:
                try:
                    await client.rmdir(self._path(folder))
                except SFTPError:  # it is not empty, or gone: version 3 says no more than "failure"
                    break
                if self._known:
                    self._known.folders.discard(self._path(folder))
                folder = folder.rpartition("/")[0]

    async def _make_folder(self, client: SFTPClient, folder: str) -> None:
        if self._known and folder in self._known.folders:
            return
        known, self._known = self._known, None
        await self._ready(client, writing=True)  # lest it is made where a disk was mounted a minute ago
        await client.makedirs(folder, OWN_FOLDER, exist_ok=True)
        if self._known:
            self._known.folders.update({folder}, known.folders if known and known.client is client else ())

    async def _ready(self, client: SFTPClient, writing: bool = False) -> None:
        """Sees, once for each connection, that the folder is the place; the first write makes it one."""
        if self._known and self._known.client is client:
            return
        path, found = f"{self._root}/{MARKER}", None
        with contextlib.suppress(*_GONE):
            async with client.open(path, FXF_READ, encoding=None) as marker:
                found = (await sftp_files.read(marker, -1, 0)).decode(errors="replace").strip() or None
        if self._marker.judge(found, f"{self._session.address} {self._root}"):
            self._known = _Known(client, set())
        elif writing:
            await client.makedirs(self._root, OWN_FOLDER, exist_ok=True)
            draft = f"{self._root}/{keys.draft_name('marker', str(time.time_ns()))}"
            flags = FXF_WRITE | FXF_CREAT | FXF_EXCL
            async with client.open(draft, flags, PRIVATE, encoding=None) as file:
                await file.write(new_marker().encode())
            try:
                await client.rename(draft, path)
            except (SFTPFailure, SFTPFileAlreadyExists):  # another writer was first
                await client.remove(draft)
            await self._ready(client, writing)

    def _path(self, key: str) -> str:
        return f"{self._root}/{keys.checked(key)}"
