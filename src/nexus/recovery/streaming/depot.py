"""Where what is received goes: sealed into the local place, and from there into the others."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from nexus.recovery import layout
from nexus.recovery.backups.manifest import Stored
from nexus.recovery.errors import RecoveryError
from nexus.recovery.layout import Chunk
from nexus.recovery.places import Entry
from nexus.recovery.places.opening import local_folder, open_place
from nexus.recovery.repository import Repository
from nexus.recovery.sealing.keyring import load_keys
from nexus.recovery.streaming import belonging, rooms
from nexus.recovery.streaming.mirrors import PlaceMirror
from nexus.recovery.streaming.sealer import Sealer
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home
from nexus.stack.recovering import LOCAL

log = logging.getLogger("nexus.recovery")

KEYS_EVERY = 5.0  # seconds
LAST_COPIES = 3.0  # seconds for each place, at the end


class Depot:
    """`covered`: name of a place → how far it was seen to be; kept up to date. `system`: of the cluster whose
    files these are; "" until it is known.
    """

    def __init__(self, home: Home, told: Told, covered: dict[str, int]) -> None:
        self._home = home
        self._covered = covered
        self._places = [open_place(LOCAL, None, told.root, home)]
        self._places += [open_place(each, how, told.root, home) for each, how in told.policy.places.items()]
        self._keys_read = time.monotonic()
        self._sealing = asyncio.Lock()
        self.repository = Repository(tuple(self._places), load_keys(home), rooms.scratch(home))
        self.sealer = Sealer(self.repository, self._stored)
        self.mirrors = self._mirrors()
        self.system = ""

    async def seal(self, place: int | None, receiving: bool) -> None:
        """Seals what was received. `place`: up to where the newest segment is known to be written.

        Raises:
            RecoveryError, OSError: it cannot be stored.
        """
        if time.monotonic() - self._keys_read > KEYS_EVERY:
            self._read_keys()
        async with self._sealing:
            if not self.system:
                self.system = await belonging.system_of(self._places[0], self.repository.scratch) or ""
                self._start_mirrors()
            if not receiving:
                self.sealer.hold = None
            if self.system:
                await self.sealer.seal(rooms.folders(self._home, self.system), place)

    async def claim(self, system: str) -> None:
        """The local place is this cluster's from now on; that of another one is moved aside.

        Raises:
            RecoveryError: that cannot be done.
        """
        if system == self.system:
            return
        async with self._sealing:
            if self.system:
                await self.sealer.seal(rooms.folders(self._home, self.system))
            for each in self.mirrors:
                await each.stop()
            local, scratch = local_folder(self._home), self.repository.scratch
            if await belonging.set_aside(local, self._places[0], system, scratch) is not None:
                self._covered.clear()
            await belonging.claim(self.repository, system)
            self.sealer.forget()
            self.mirrors = self._mirrors()
            self.system = system
            self._start_mirrors()

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
        """A recovery kit that was made meanwhile: from now on, all is sealed for it too."""
        self._keys_read = time.monotonic()
        self.repository = replace(self.repository, keys=load_keys(self._home))
        self.sealer.repository = self.repository

    def _mirrors(self) -> tuple[PlaceMirror, ...]:
        first, *others = self._places
        scratch = self.repository.scratch
        return tuple(PlaceMirror(first, each, scratch, self._covered.get(each.name)) for each in others)

    def _start_mirrors(self) -> None:
        for each in self.mirrors:
            if self.system:
                each.start(self.system)

    def _stored(self, stored: Stored, instead_of: Sequence[Chunk]) -> None:
        entry = Entry(stored.key, stored.bytes, time.time())
        for each in self.mirrors:
            each.notice(entry, [layout.chunk(*chunk) for chunk in instead_of])
