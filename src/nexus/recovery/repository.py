"""Sealed files in one or several places: written to the first, read from the first whose copy is intact."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus.recovery import layout
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.errors import Damaged, Missing, PlaceError, RecoveryError, WrongKey
from nexus.recovery.places import Entry, Place
from nexus.recovery.sealing import Keys, seal, unseal


@dataclass(frozen=True)
class Listing:
    """What is stored, by key. `silent`: the places that did not answer, and why: they may hold more."""

    entries: tuple[Entry, ...]
    silent: Mapping[str, PlaceError]


@dataclass(frozen=True)
class Repository:
    """`places`: the first is written to, the others are read from where it fails. `scratch`: a folder for
    what is on its way.
    """

    places: Sequence[Place]
    keys: Keys
    scratch: Path

    @property
    def first(self) -> Place:
        """The place that is written to; others get what it has."""
        return self.places[0]

    async def put(self, key: str, data: bytes) -> Stored:
        """Seals data and stores it in the first place.

        Raises:
            PlaceError: it cannot be stored.
        """
        sealed = await asyncio.to_thread(seal, key, data, self.keys)
        with self.file() as file:
            await asyncio.to_thread(file.write_bytes, sealed)
            await self.first.put(key, file)
        return Stored(key, len(sealed), hashlib.sha256(sealed).hexdigest(), len(data))

    async def read(self, key: str) -> bytes:
        """What was sealed under a key, from the first place that has it intact.

        Raises:
            Missing: no place has it.
            Damaged: no place has it intact; says what is wrong in each.
            WrongKey: it was sealed for others.
            PlaceError: a place that may have it cannot be reached.
        """
        faults: list[tuple[Place, RecoveryError]] = []
        for place in self.places:
            try:
                return await self.read_from(place, key)
            except RecoveryError as fault:
                faults.append((place, fault))
        for kind in (WrongKey, Damaged, PlaceError):
            told = [f"{place.name}: {fault}" for place, fault in faults if isinstance(fault, kind)]
            if told and not all(isinstance(fault, Missing) for _, fault in faults):
                raise kind("; ".join(told))
        raise Missing(f"{key} is in none of the places {', '.join(place.name for place in self.places)}")

    async def read_from(self, place: Place, key: str) -> bytes:
        """What was sealed under a key, from one place. Raises as `read` does."""
        with self.file() as file:
            await place.get(key, file)
            sealed = await asyncio.to_thread(file.read_bytes)
        return await asyncio.to_thread(unseal, key, sealed, self.keys)

    async def describe(self, key: str) -> Stored:
        """What is stored under a key, read from the first place.

        Raises:
            Missing, Damaged, WrongKey, PlaceError: it is not there, or cannot be read.
        """
        with self.file() as file:
            await self.first.get(key, file)
            sealed = await asyncio.to_thread(file.read_bytes)
        plain = await asyncio.to_thread(unseal, key, sealed, self.keys)
        return Stored(key, len(sealed), hashlib.sha256(sealed).hexdigest(), len(plain))

    async def entries(self, prefix: str = "") -> tuple[Entry, ...]:
        """What any place that can be reached has, by key.

        Raises:
            PlaceError: none can be reached.
        """
        return (await self.listing(prefix)).entries

    async def listing(self, prefix: str = "") -> Listing:
        """What any place that can be reached has, and which places did not answer. Raises as `entries`."""
        found: dict[str, Entry] = {}
        faults: dict[str, PlaceError] = {}
        for place in self.places:
            try:
                for entry in await place.entries(prefix):
                    found.setdefault(entry.key, entry)
            except PlaceError as fault:
                faults[place.name] = fault
        if len(faults) == len(self.places):
            raise PlaceError("; ".join(map(str, faults.values())))
        return Listing(tuple(found[key] for key in sorted(found)), faults)

    async def ids(self) -> tuple[str, ...]:
        """The backups that are whole, oldest first."""
        keys = {entry.key for entry in await self.entries(layout.BACKUPS)}
        names = {key.split("/")[1] for key in keys}
        return tuple(sorted(name for name in names if layout.manifest(name) in keys))

    async def backup(self, name: str) -> BackupManifest:
        """What a backup is. Raises as `read` does."""
        return BackupManifest.read(await self.read(layout.manifest(name)))

    @contextlib.contextmanager
    def file(self) -> Iterator[Path]:
        """A path for what is on its way, which is gone after the block."""
        self.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            yield Path(folder) / "file"
