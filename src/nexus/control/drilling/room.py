"""Where a drill works: a folder of its own in `HOME/drills`, which is gone afterwards, also after a kill."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from nexus.control.rehearsing.commands import Commands
from nexus.migrations.rehearsing import leftovers
from nexus.recovery.restoring.restore import WALKABLE
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts
from nexus.runtimes.process.watch import kill_group
from nexus.stack import ManifestError, load_stack

KEPT = "kept"  # the file in a room that an operator wants to look at
SOURCES = "stack"  # the folder of nexus.yaml in a restored home
GONE_WITHIN = 20.0  # seconds


@dataclass(frozen=True)
class Room:
    """`place`: the drill's folder."""

    place: Path

    @property
    def home(self) -> Path:
        """Of the stack that is restored, or that is the victim."""
        return self.place / "home"

    @property
    def new(self) -> Path:
        """Of a stack that is restored because the victim's machine is gone."""
        return self.place / "new"

    @property
    def second(self) -> Path:
        """The victim's second place."""
        return self.place / "second"

    @property
    def kit(self) -> Path:
        """The key of the victim's recovery kit."""
        return self.place / "kit.txt"

    @property
    def counted(self) -> Path:
        """The folder of the server on which the business's numbers are counted."""
        return self.place / "counted" / "server"

    def keep(self) -> None:
        """No drill clears it away any more. What opens the victim's backups elsewhere is not left lying."""
        self.kit.unlink(missing_ok=True)
        (self.place / KEPT).touch(0o600)

    async def empty(self) -> str:
        """Takes down what runs there, orderly where it can be, and deletes all of it; what is left, "" when
        nothing is.
        """
        told = []
        for home in (self.home, self.new):
            if (home / "control.db").exists():
                root = home / SOURCES
                told.append(await Commands(Home.at(home), root).take_down(_name(root)))
        await asyncio.to_thread(self._clear)
        left = [f"process {each.pid}" for each in await asyncio.to_thread(strays, self.place)]
        if self.place.exists():
            left.append(f"{self.place} cannot be deleted")
        return "; ".join([*left, *filter(None, told)]) if left else ""

    def _clear(self) -> None:
        for noted in self.place.rglob("server.json"):
            leftovers.end_server(noted.parent.parent)
        kill_strays(self.place)
        shutil.rmtree(self.place, ignore_errors=True)


def folder(home: Home) -> Path:
    """Where a stack's drills work."""
    return home.root / "drills"


@contextlib.contextmanager
def made(home: Home) -> Iterator[Room]:
    """A room; whoever made it empties it."""
    rooms = folder(home)
    place = rooms / secrets.token_hex(4)
    place.mkdir(parents=True)
    for each in (rooms, place):
        each.chmod(WALKABLE if accounts.can_drop() else 0o700)
    leftovers.claim(place)
    try:
        yield Room(place)
    finally:
        if not any(rooms.iterdir()):
            rooms.rmdir()


async def clear_abandoned(home: Home, kept: bool = False) -> int:
    """Empties what killed drills left; returns how many there were. `kept`: also what operators wanted to
    look at.
    """
    rooms = await asyncio.to_thread(leftovers.abandoned, folder(home))
    found = [each for each in rooms if kept or not (each / KEPT).exists()]
    for place in found:
        await Room(place).empty()
    return len(found)


async def clear_all(home: Home) -> None:
    """Empties all rooms but that of a drill that is under way, and deletes their folder."""
    await clear_abandoned(home, kept=True)
    rooms = folder(home)
    if rooms.is_dir() and not any(rooms.iterdir()):
        rooms.rmdir()


def kill_strays(place: Path) -> int:
    """Kills the processes that work below a drill's folder and are nobody's child any more: commands that a
    killed drill had begun, and what those had begun. Returns how many there were.
    """
    found = strays(place)
    for process in found:
        kill_group(process.pid)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, GONE_WITHIN)
    return len(found)


def strays(place: Path) -> list[psutil.Process]:
    """The processes that were told `place` or a path below it, by their command line or environment."""
    own = re.compile(rf"{re.escape(str(place))}(/|$|[^\w./-])")
    return [each for each in psutil.process_iter() if each.pid != os.getpid() and _works_in(each, own)]


def _works_in(process: psutil.Process, own: re.Pattern[str]) -> bool:
    try:
        told = (*process.cmdline(), *process.environ().values())
        return process.status() != psutil.STATUS_ZOMBIE and any(own.search(each) for each in told)
    except psutil.Error:  # it is gone, or another user's
        return False


def _name(root: Path) -> str:
    try:
        return load_stack(root).name
    except ManifestError:
        return ""  # `down` says what is wrong; whatever still runs is killed
