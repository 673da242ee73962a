"""A throwaway stack that meets a disaster: the newest backup, with a second place and a kit of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from nexus.control.drilling.beside import Beside
from nexus.control.drilling.choosing import Subject
from nexus.control.drilling.nightly import outcome_of
from nexus.control.drilling.room import Room
from nexus.control.recovering.desk import Desk
from nexus.control.rehearsing.commands import Commands
from nexus.recovery import lsn
from nexus.recovery.kit import make_kit
from nexus.recovery.places import Place, local_folder, open_place
from nexus.recovery.repository import Repository
from nexus.recovery.sealing.keyring import load_keys
from nexus.recovery.streaming.status import read_status
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import StartError
from nexus.stack.recovering import DirectoryPlace

SECOND = "second"
COPIED_WITHIN = 300.0  # seconds
EVERY = 0.1


@dataclass(frozen=True)
class Victim:
    """`beside`: its stack; `room`: where all of it lies."""

    beside: Beside
    room: Room

    @property
    def local(self) -> Path:
        """The folder of its backups."""
        return local_folder(self.beside.home)

    def places(self) -> tuple[Place, Place]:
        """Its own folder, and its second place."""
        home, root = self.beside.home, self.beside.root
        second = DirectoryPlace(kind="directory", path=str(self.room.second))
        return open_place("local", None, root, home), open_place(SECOND, second, root, home)

    def repository(self) -> Repository:
        """What both hold."""
        home = self.beside.home
        return Repository(self.places(), load_keys(home), home.root / "recovery" / "scratch")

    async def copied(self, backup: str) -> None:
        """Waits until the second place has a backup. Raises StartError."""
        second = self.places()[1]

        async def there() -> bool:
            entries = await second.entries(f"backups/{backup}/")
            return any(entry.key.endswith("/manifest") for entry in entries)

        await until(there, f"the second place did not get backup {backup}")

    async def archived(self, place: str, everywhere: bool = False) -> None:
        """Waits until the WAL up to a place in it is sealed (in the second place, too). Raises StartError."""
        wanted = lsn.parse(place)

        async def there() -> bool:
            status = await asyncio.to_thread(read_status, self.beside.home)
            if status is None or not status.sealed_lsn:
                return False
            ends = [status.sealed_lsn, *(each.lsn for each in status.places if everywhere)]
            return all(end is not None and lsn.parse(end) >= wanted for end in ends)

        await until(there, f"the WAL up to {place} was not archived")


async def make_victim(desk: Desk, found: Subject, room: Room) -> Victim:
    """Makes it and takes its first backup.

    Raises:
        StartError: it cannot be made; says why.
    """
    living = Commands(desk.home, desk.stack.root)
    options = ("--latest", "--from", found.place, "--into", str(room.home), "--take-over", "--yes", "--json")
    said = await living.run("restore", *options)
    if said.code:
        told = outcome_of(said)
        raise StartError(str(told.get("sentence") or told.get("message") or said.last))
    victim = Victim(Beside(room.home), room)
    furnish(victim)
    await victim.beside.prepare()
    up = await victim.beside.up()
    if up.code:
        raise StartError(f"nexus up: {up.last}")
    made = await victim.beside.commands.run("backup", "create", "--full", "--json")
    backup = (outcome_of(made).get("backup") or {}).get("id", "")
    if made.code or not backup:
        raise StartError(f"nexus backup create: {outcome_of(made).get('sentence') or made.last}")
    await victim.copied(backup)
    return victim


def furnish(victim: Victim) -> None:
    """Its backups go to places of its own, and to none of the living stack's."""
    file = victim.beside.root / "nexus.yaml"
    yaml = YAML()
    yaml.preserve_quotes = True
    told = yaml.load(file.read_text())
    recovery = told["recovery"] = told.get("recovery") or {}
    recovery["places"] = {SECOND: {"kind": "directory", "path": str(victim.room.second)}}
    recovery["stream"] = True
    with file.open("w") as handle:
        yaml.dump(told, handle)
    kit = make_kit(victim.beside.home)
    accounts.private_file(victim.room.kit, "\n".join(kit.lines) + "\n", None)


async def until(there: Callable[[], Awaitable[bool]], otherwise: str, within: float = COPIED_WITHIN) -> None:
    """Waits until a coroutine function answers yes.

    Raises:
        StartError: `otherwise`.
    """
    give_up = time.monotonic() + within
    while not await there():
        if time.monotonic() > give_up:
            raise StartError(f"{otherwise} within {within:g} s")
        await asyncio.sleep(EVERY)
