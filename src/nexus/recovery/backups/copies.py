"""A backup in one place, compared byte by byte with what its manifest says; and with it all it builds on."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from nexus.recovery import layout
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.backups.verdict import Copy, Fault
from nexus.recovery.errors import Damaged, Missing, PlaceError, RecoveryError, WrongKey, WrongVersion
from nexus.recovery.places import Place
from nexus.recovery.repository import Repository

AT_ONCE = 2  # files of one place
GRACE = 86_400.0  # seconds that a backup may be on its way to a place
Known = MutableMapping[tuple[str, str], Copy]  # of a place and a backup, what was found just now


async def chain_of(
    repository: Repository, manifest: BackupManifest
) -> tuple[tuple[BackupManifest, ...], tuple[Fault, ...]]:
    """A backup and all that it builds on, the full one first, as far as that can be read; and why no further.

    Raises:
        PlaceError: a place that may have it cannot be reached.
    """
    chain = [manifest]
    while (parent := chain[0].parent) is not None:
        try:
            chain.insert(0, await repository.backup(parent))
        except (Missing, Damaged, WrongKey, WrongVersion) as error:
            said = f"backup {chain[0].id} builds on {parent}, which cannot be read: {error}"
            return tuple(chain), (Fault(layout.manifest(parent), said),)
    return tuple(chain), ()


async def check_chain(
    repository: Repository, place: Place, chain: Sequence[BackupManifest], known: Known
) -> tuple[Copy, int]:
    """What a place has of a backup and of all that it builds on; and how many bytes were read. What is
    `known` is not read again, and what is found is noted there.
    """
    copies, read = [], 0
    for each in reversed(chain):
        found = known.get((place.name, each.id))
        if found is None:
            found = known[place.name, each.id] = await _check(repository, place, each)
            read += each.size if found.state in ("whole", "damaged") else 0
        copies.append(found)
    faults = tuple(fault for copy in copies for fault in copy.faults)
    states = {copy.state for copy in copies}
    state = next(each for each in ("unreachable", "damaged", "absent", "whole") if each in states)
    if copies[0].state == "absent":  # what it builds on is another's trouble
        return copies[0], read
    return Copy(place.name, state, faults, any(copy.overdue for copy in copies)), read


async def _check(repository: Repository, place: Place, manifest: BackupManifest) -> Copy:
    """A backup in one place: its manifest is opened, everything else compared with what that says."""
    try:
        there = {entry.key: entry.bytes for entry in await place.entries(layout.folder(manifest.id))}
        key = layout.manifest(manifest.id)
        if key not in there:
            return _absent(place, manifest, place is not repository.first)
        if any(each.key.startswith(layout.ARTEFACTS) for each in manifest.home):
            there |= {entry.key: entry.bytes for entry in await place.entries(layout.ARTEFACTS)}
        turns = asyncio.Semaphore(AT_ONCE)
        checks = [_check_file(repository, place, each, there, turns) for each in manifest.stored]
        found = await asyncio.gather(_check_manifest(repository, place, key), *checks)
        faults = tuple(fault for fault in found if fault is not None)
        return Copy(place.name, "damaged" if faults else "whole", faults)
    except PlaceError as error:
        return Copy(place.name, "unreachable", (Fault("", str(error)),))


def _absent(place: Place, manifest: BackupManifest, awaited: bool) -> Copy:
    """`awaited`: whether it is to come there: every other place gets what the first one has."""
    days = (time.time() - manifest.ended) / 86_400
    overdue = awaited and days > GRACE / 86_400
    said = f"backup {manifest.id} is not there" + (
        f", {days:.0f} days after it was taken" if overdue else " (yet)"
    )
    return Copy(place.name, "absent", (Fault(layout.manifest(manifest.id), said),), overdue)


async def _check_manifest(repository: Repository, place: Place, key: str) -> Fault | None:
    try:
        BackupManifest.read(await repository.read_from(place, key))
    except PlaceError:
        raise
    except RecoveryError as error:
        return Fault(key, str(error))
    return None


async def _check_file(
    repository: Repository, place: Place, stored: Stored, there: dict[str, int], turns: asyncio.Semaphore
) -> Fault | None:
    size = there.get(stored.key)
    if size is None:
        return Fault(stored.key, f"{stored.key} is missing")
    if size != stored.bytes:
        return Fault(stored.key, f"{stored.key} has {size} bytes instead of {stored.bytes}")
    async with turns:
        with repository.file() as file:
            try:
                await place.get(stored.key, file)
            except Missing:
                return Fault(stored.key, f"{stored.key} is missing")
            digest = await asyncio.to_thread(_digest, file)
    if digest != stored.sha256:
        return Fault(stored.key, f"{stored.key} does not hold what was stored (SHA-256)")
    return None


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
