"""Exchanging a database's data on a bare machine: folders of one file system, moved by their names."""

from __future__ import annotations

import asyncio
import os
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from nexus.control.addresses import Refused
from nexus.control.restoring.leaving import take_away
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError


@dataclass(frozen=True)
class Folders:
    """The data folder of the service `database`, and what lies beside it:

    DATA.restored-STAMP    what a restore writes, or what was taken back
    DATA.before-STAMP      the former data
    """

    home: Home
    database: str

    carried = False

    @property
    def data(self) -> Path:
        """Where the server finds its data; a link is followed, so that they stay on their disk."""
        folder = self.home.data(self.database)
        return folder.resolve() if folder.is_symlink() else folder

    def restored(self, stamp: str) -> Path:
        return self.data.with_name(f"{self.data.name}.restored-{stamp}")

    def before(self, stamp: str) -> Path:
        """Where the former data lie."""
        return self.data.with_name(f"{self.data.name}.before-{stamp}")

    async def check(self) -> None:
        if os.path.ismount(self.data):
            raise Refused(
                f"{self.data} is a mount of its own and cannot be moved aside; restore with --into FOLDER "
                "on another disk, or mount the disk above it"
            )

    async def former(self, stamp: str) -> str:
        before = self.before(stamp)
        return str(before) if before.exists() or self.data.exists() else ""

    async def carry(self, stamp: str) -> None:
        return None

    async def kept(self, stamp: str) -> bool:
        return self.before(stamp).exists() or (self.restored(stamp).exists() and self.data.exists())

    async def swap(self, stamp: str, again: bool) -> None:
        self._unused()
        await asyncio.to_thread(_exchange, self.restored(stamp), self.data, self.before(stamp), again)

    async def swap_back(self, stamp: str) -> None:
        before, data, restored = self.before(stamp), self.data, self.restored(stamp)
        if not before.exists() and not restored.exists():
            raise StartError(f"{before} is not there any more: there is nothing to put back")
        self._unused()
        await asyncio.to_thread(_exchange, before, data, restored, False)

    def left(self, stamp: str) -> str:
        return str(self.restored(stamp))

    def discard(self, stamp: str, restored: bool = False) -> str:
        folder = self.restored(stamp) if restored else self.before(stamp)
        return f"rm -rf {shlex.quote(str(folder))}"

    def _unused(self) -> None:
        """Returns when no server runs on the data; its file stays behind when it was killed."""
        with suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            if "postgres" in psutil.Process(pid).name():
                raise StartError(f"{self.database} still runs on {self.data} (process {pid}); stop it first")

    async def drop(self, stamp: str) -> None:
        await take_away(self.restored(stamp))


def _exchange(new: Path, place: Path, aside: Path, again: bool) -> None:
    """`place` goes to `aside`, `new` to `place`; cut short in between, the same call goes on."""
    if not new.exists():
        if (place / "PG_VERSION").exists() and (aside.exists() or again):
            return  # done before
        raise StartError(f"{new} is not there any more; begin the restore anew")
    if place.exists():
        if aside.exists():
            raise StartError(
                f"{place}, {new} and {aside} are all there: somebody made data meanwhile; look which are "
                "right, and move the others away"
            )
        place.rename(aside)
        _sync(place.parent)
    new.rename(place)
    _sync(place.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
