"""Where what is received goes: sealed into the local place, and from there into the others."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nexus.recovery.backups.manifest import Stored
from nexus.recovery.errors import RecoveryError, WrongKey
from nexus.recovery.places import Entry
from nexus.recovery.places.opening import local_folder, open_place
from nexus.recovery.sealing import Keys
from nexus.recovery.sealing.keyring import keys_at_hand
from nexus.recovery.streaming import belonging, rooms
from nexus.recovery.streaming.mirrors import PlaceMirror
from nexus.recovery.streaming.newest_keys import NewestKeys
from nexus.recovery.streaming.position import Contradicts
from nexus.recovery.streaming.sealer import Sealer, Written
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home
from nexus.stack.recovering import LOCAL

log = logging.getLogger("nexus.recovery")

KEYS_EVERY = 5.0  # seconds
LAST_COPIES = 3.0  # seconds for each place, at the end


class Depot:
    """`covered`: name of a place → how far it was seen to be; kept up to date. `system`: of the cluster whose
    files these are; "" until it is known. `kit_fault`: why what is sealed now is not sealed for the kit.
    """

    def __init__(self, home: Home, told: Told, covered: dict[str, int]) -> None:
        self._home = home
        self._covered = covered
        self._places = [open_place(LOCAL, None, told.root, home)]
        self._places += [open_place(each, how, told.root, home) for each, how in told.policy.places.items()]
        self._rates = {name: how.rate for name, how in told.policy.places.items()}
        self._sealing = asyncio.Lock()
        self._keys_fault: RecoveryError | OSError | None = None
        self.kit_fault = ""
        self.repository = NewestKeys(tuple(self._places), Keys(()), rooms.scratch(home), home)
        self.sealer = Sealer(self.repository, self._stored)
        self._read_keys()
        self.mirrors = self._mirrors()
        self.system = ""

    async def seal(self, place: Written | None) -> None:
        """Seals what was received. `place`: up to where the newest segment is known to be written.

        Raises:
            Contradicts: what was received is not what is sealed of it.
            RecoveryError, OSError: it cannot be stored.
        """
        if self._keys_fault is not None or time.monotonic() - self._keys_read > KEYS_EVERY:
            self._read_keys()
        if self._keys_fault is not None:
            raise self._keys_fault
        async with self._sealing:
            if not self.system:
                self.system = await belonging.system_of(self._places[0], self.repository.scratch) or ""
                self._start_mirrors()
            if self.system:
                folders = rooms.folders(self._home, self.system)
                await self._heal(folders)
                await self.sealer.seal(folders, place)

    async def claim(self, system: str) -> None:
        """The local place is this cluster's from now on; that of another one is moved aside, and one of this
        cluster that was moved aside before is brought back.

        Raises:
            Damaged: nobody can say whose it is.
            RecoveryError, OSError: it cannot be moved or written.
        """
        if system == self.system:
            return
        async with self._sealing:
            local, first, scratch = local_folder(self._home), self._places[0], self.repository.scratch
            known = rooms.known_system(self._home)
            await belonging.mend(first, self._places[1:], system, known, scratch)
            self.system = self.system or await belonging.system_of(first, scratch) or ""
            if self.system not in ("", system):
                await self._leave(self.system)
            for each in self.mirrors:
                await each.stop()
            if await belonging.set_aside(local, first, system, scratch) is not None:
                self._covered.clear()
            await belonging.claim(self.repository, system)
            rooms.drop_left(self._home, system)
            self.sealer.forget()
            self.mirrors = self._mirrors()
            self.system = system
            self._start_mirrors()

    async def _heal(self, folders: Sequence[Path]) -> None:
        for key in {key for each in self.mirrors for key in each.damaged()}:
            if await self.sealer.heal(key, folders):
                for each in self.mirrors:
                    each.retry(key)

    async def _leave(self, system: str) -> None:
        """Seals the rest of a cluster that is no more; what contradicts its archive stays where it is."""
        try:
            await self.sealer.seal(rooms.folders(self._home, system), growing=False)
        except Contradicts as error:
            log.error("%s stays, and is sealed nowhere: %s", error.folder, error)

    def look(self, sealed: int | None, size: int) -> None:
        """Reads off how far the places are."""
        for each in self.mirrors:
            each.look(sealed, size)
            if each.covered is not None:
                self._covered[each.target.name] = each.covered

    async def close(self, leaves: bool) -> None:
        """Lets go of the places. `leaves`: nothing follows, so that they get what they lack first."""
        for each in self.mirrors:
            await (each.catch_up(LAST_COPIES) if leaves else each.stop())
        for place in self._places:
            try:
                await place.close()
            except RecoveryError as error:
                log.info("%s", error)

    def _read_keys(self) -> None:
        """Another identity, which a restore may have put there, opens what is read from now on."""
        self._keys_read = time.monotonic()
        try:
            keys, self.kit_fault = keys_at_hand(self._home, self.repository.keys)
            self._keys_fault = None
        except (WrongKey, OSError) as error:
            self._keys_fault = error
            return
        self.repository = replace(self.repository, keys=keys)
        self.sealer.repository = self.repository

    def _mirrors(self) -> tuple[PlaceMirror, ...]:
        first, *others = self._places
        scratch = self.repository.scratch
        return tuple(
            PlaceMirror(first, each, scratch, self._covered.get(each.name), self._rates[each.name])
            for each in others
        )

    def _start_mirrors(self) -> None:
        for each in self.mirrors:
            if self.system:
                each.start(self.system)

    def _stored(self, stored: Stored) -> None:
        for each in self.mirrors:
            each.notice(Entry(stored.key, stored.bytes, time.time(), stored.sha256))
