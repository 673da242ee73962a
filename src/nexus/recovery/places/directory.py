"""A place that is a folder: on another disk, or mounted from another machine (NFS, SMB, sshfs).

A file is written under a draft's name, forced to disk, and then linked to its own name, which fails where
something is called so already (link(2)): nothing is ever replaced, and two writers cannot mix their bytes.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path

from nexus.recovery.errors import Conflict, Locked, Missing, PlaceError
from nexus.recovery.places import copying, keys
from nexus.recovery.places.marker import MARKER, Marker, new_marker
from nexus.recovery.places.pace import FREE, Pace
from nexus.recovery.places.place import Entry
from nexus.recovery.places.telling import FULL, Telling
from nexus.recovery.places.threads import Threads

ABANDONED = 86400.0  # seconds after which nobody goes on with a draft
_PROBE = b"Nexus can write here.\n"


class Directory:
    """`marker`: how a disk that is not mounted is noticed; None: the folder is always there, as the stack's
    own is. `proves`: whether what was written is read back from the disk.
    """

    def __init__(self, name: str, root: Path, marker: Marker | None = None, proves: bool = True) -> None:
        self._name = name
        self._root = root
        self._marker = marker
        self._proves = proves
        self._threads = Threads(name)
        self._telling = Telling(name, root)

    @property
    def name(self) -> str:
        """As `nexus.yaml` calls it."""
        return self._name

    def file(self, key: str) -> Path:
        """Where a key's file lies, if it is there; it must not be changed."""
        return self._root / keys.checked(key)

    async def put(self, key: str, file: Path, pace: Pace = FREE) -> None:
        """Stores a file. Raises Conflict, NoRoom, PlaceError."""
        await self._threads.run(partial(self._put, key, file, pace), pace.least(file.stat().st_size))

    async def keep(self, key: str, file: Path) -> None:
        """As `put`, but takes the file itself where it can, without copying it; nobody changes it after that.

        Raises Conflict, NoRoom, PlaceError.
        """
        await self._threads.run(partial(self._keep, key, file))

    async def get(self, key: str, file: Path) -> None:
        """Fetches a file. Raises Missing, PlaceError."""
        await self._threads.run(partial(self._get, key, file))

    async def lend(self, key: str, file: Path) -> None:
        """As `get`, but gives what is stored a second name where it can; it must not be changed."""
        try:
            await asyncio.to_thread(os.link, self.file(key), file)
        except OSError:  # on another disk, or not there
            await self.get(key, file)

    async def entries(self, prefix: str = "") -> tuple[Entry, ...]:
        """What is stored below a prefix. Raises PlaceError."""
        return await self._threads.run(partial(self._entries, prefix))

    async def delete(self, keys: Collection[str]) -> None:
        """Deletes files. Raises Locked, PlaceError."""
        await self._threads.run(partial(self._delete, keys))

    async def free(self) -> int | None:
        """Bytes that still fit. Raises PlaceError."""
        return await self._threads.run(self._free)

    async def check(self) -> None:
        """Writes, reads and deletes a file. Raises NoRoom, PlaceError."""
        await self._threads.run(self._check)

    async def close(self) -> None:
        """Nothing is held."""

    def _put(self, key: str, file: Path, pace: Pace) -> None:
        target = self.file(key)
        with self._telling.of(key, file.stat().st_size):
            self._ready(writing=True)
            draft = target.with_name(keys.draft_name(target.name, copying.identity(file)))
            for last in (False, True):
                if target.exists():
                    return self._compare(key, file, target)
                try:
                    copying.make_folders(self._root, target.parent)
                    copying.copy(file, draft, pace, self._proves)
                    return copying.publish(draft, target)
                except FileExistsError:
                    draft.unlink(missing_ok=True)
                except FileNotFoundError:  # somebody else named the draft, or took the empty folder away
                    if last and not target.exists():
                        raise
                except OSError as error:
                    if error.errno in FULL:  # what is smaller may still fit
                        draft.unlink(missing_ok=True)
                    raise
            return self._compare(key, file, target)

    def _keep(self, key: str, file: Path) -> None:
        target = self.file(key)
        with self._telling.of(key, file.stat().st_size):
            self._ready(writing=True)
            copying.make_folders(self._root, target.parent)
            try:
                return copying.adopt(file, target)
            except FileExistsError:
                return self._compare(key, file, target)
            except OSError:  # another disk, or one that knows no links: copied as any other
                pass
        return self._put(key, file, FREE)

    def _compare(self, key: str, file: Path, target: Path) -> None:
        if not copying.same(file, target):
            raise Conflict(
                f"place {self._name}: {target} holds other bytes than those that are to be stored as {key}; "
                "nothing is replaced. If it is damaged, remove it and its copy is made again"
            )

    def _get(self, key: str, file: Path) -> None:
        source = self.file(key)
        with self._telling.of(key, at=file.parent):
            self._ready()
            try:
                copying.fetch(source, file)
            except FileNotFoundError as error:
                if source.exists():
                    raise
                raise Missing(f"place {self._name} has no {key} ({source})") from error

    def _entries(self, prefix: str) -> tuple[Entry, ...]:
        base = self._root / keys.folder_of(prefix)
        found: list[Entry] = []
        with self._telling.of(prefix):
            self._ready()
            for folder, _, names in os.walk(base, onerror=_unless_gone):
                for name in names:
                    path = Path(folder, name)
                    if name.startswith("."):
                        self._sweep(path)
                        continue
                    key = path.relative_to(self._root).as_posix()
                    try:
                        told = path.stat()
                    except FileNotFoundError:  # deleted meanwhile
                        continue
                    if key.startswith(prefix):
                        found.append(Entry(key, told.st_size, told.st_mtime))
        return tuple(sorted(found, key=lambda entry: entry.key))

    def _sweep(self, path: Path) -> None:
        """Removes a draft that nobody goes on with."""
        try:
            if keys.is_draft(path.name) and time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()
        except (FileNotFoundError, PermissionError):  # finished meanwhile; or only read here
            return

    def _delete(self, names: Collection[str]) -> None:
        locked: dict[str, float | None] = {}
        touched: set[Path] = set()
        for key in names:
            path = self.file(key)
            with self._telling.of(key):
                self._ready()
                try:
                    path.unlink()
                    touched.add(path.parent)
                except FileNotFoundError:
                    continue
                except PermissionError as error:
                    if not copying.immutable(path):
                        raise
                    locked[key] = None
                    reason = error.strerror
        with self._telling.of(""):
            for folder in sorted(touched, reverse=True):
                copying.drop_empty(self._root, folder)
        if locked:
            raise Locked(
                f"place {self._name}: {len(locked)} files cannot be deleted ({reason}): they are immutable "
                f"(chattr +i), {self._root / next(iter(locked))} for example",
                locked,
            )

    def _free(self) -> int:
        with self._telling.of(""):
            self._ready()
            return self._telling.room()

    def _check(self) -> None:
        with self._telling.of("", len(_PROBE)):
            self._ready(writing=True)
            probe = self._root / keys.draft_name("check", f"{os.getpid()}-{time.monotonic_ns()}")
            try:
                copying.write(probe, _PROBE)
                if probe.read_bytes() != _PROBE:
                    raise PlaceError(f"place {self._name}: {self._root} gives back other bytes than it got")
            finally:
                probe.unlink(missing_ok=True)

    def _ready(self, writing: bool = False) -> None:
        """Sees that the folder is the place, and makes it one at the first write."""
        if self._marker is None:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            return
        path = self._root / MARKER
        found = path.read_text("utf-8", "replace").strip() if path.exists() else None
        if self._marker.judge(found, str(self._root)):
            return
        if not self._root.parent.is_dir():
            raise PlaceError(
                f"place {self._name}: there is no folder {self._root.parent}; is it mounted? Make it, or "
                "mend recovery.places in nexus.yaml"
            )
        if writing:
            self._root.mkdir(exist_ok=True, mode=0o700)
            copying.write_once(path, new_marker().encode())
            self._ready()


def _unless_gone(error: OSError) -> None:
    """A folder that is not there has nothing in it; any other trouble is one."""
    if not isinstance(error, FileNotFoundError):
        raise error
