"""What releases run from, stored once for all backups that name it: an artefact never changes.

What is sealed can be opened by those it was sealed for alone, and no two sealings have the same bytes. So
each sealing has a name of its own, which tells for whom it is: once there is a new recovery kit, all is
stored anew for that one, and no place is ever asked to keep other bytes under a name that it has.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nexus.recovery import layout
from nexus.recovery.backups import archive
from nexus.recovery.backups.manifest import Stored
from nexus.recovery.errors import Damaged, Missing, PlaceError, RecoveryError, WrongKey
from nexus.recovery.places import Place
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import unseal
from nexus.runtimes.home import Home

RELEASES, PARTS = "releases", "parts"
_KEY = re.compile(r"^(?P<folder>artefacts/.+)/(?P<number>\d{4})-of-(?P<count>\d{4})$")
_SEALING = re.compile(r"/for-[0-9a-f]{16}-[0-9a-f]{8}$")


class _Piece(NamedTuple):
    """A stored piece of an artefact."""

    key: str
    bytes: int


def folder_of(key: str) -> str | None:
    """Which sealing of an artefact a key belongs to: `releases/sales/3fa9c1d204be/for-…`; None for other
    keys.
    """
    found = _KEY.match(key)
    return found["folder"].removeprefix(layout.ARTEFACTS) if found else None


def artefact_of(key: str) -> str | None:
    """Which artefact a key belongs to, as its folder is called in the home: `releases/sales/3fa9c1d204be`."""
    folder = folder_of(key)
    return _SEALING.sub("", folder) if folder else None


async def store_artefacts(
    home: Home, repository: Repository, known: Mapping[str, Stored], work: Path
) -> tuple[Stored, ...]:
    """Stores what the first place has not got yet, sealed for all who are to open it now; returns the pieces
    of all. What another place has is fetched from there. `known`: what earlier backups say of pieces.

    Raises:
        PlaceError: it cannot be stored, or what is stored cannot be read.
    """
    there = await _pieces(repository.first)
    elsewhere: list[tuple[Place, list[_Piece]]] | None = None
    stored: list[Stored] = []
    for folder, name in _folders(home):
        found = await _described(repository, repository.first, _sealings(name, there, repository), known)
        if found is None:
            elsewhere = await _others(repository) if elsewhere is None else elsewhere
            found = await _fetched(repository, name, elsewhere, known)
        if found is None:
            file = work / "artefact.tar"
            await asyncio.to_thread(archive.write, file, archive.members(folder, ""))
            found = await archive.store(repository, file, _named(name, repository))
            file.unlink()
        stored += found
    return tuple(stored)


def _folders(home: Home) -> Iterator[tuple[Path, str]]:
    """Each artefact that is whole, and its name; drafts begin with a dot."""
    for service in _listed(home.releases):
        for release in _listed(service):
            yield release, f"{RELEASES}/{service.name}/{release.name}"
    for part in _listed(home.parts):
        yield part, f"{PARTS}/{part.name}"


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


async def _pieces(place: Place) -> list[_Piece]:
    return [_Piece(entry.key, entry.bytes) for entry in await place.entries(layout.ARTEFACTS)]


async def _others(repository: Repository) -> list[tuple[Place, list[_Piece]]]:
    """What the other places have, of those that answer."""
    found = []
    for place in repository.places[1:]:
        try:
            found.append((place, await _pieces(place)))
        except PlaceError:  # it is stored anew, under a name of its own
            continue
    return found


def _sealings(name: str, pieces: Sequence[_Piece], repository: Repository) -> list[list[_Piece]]:
    """The sealings of an artefact, for those who are to open it now, whose pieces are all there. Pure."""
    groups: dict[str, list[_Piece]] = {}
    for each in pieces:
        folder = folder_of(each.key)
        if folder is not None and folder.startswith(f"{name}/for-{_recipients(repository)}-"):
            groups.setdefault(folder, []).append(each)
    whole = []
    for _, found in sorted(groups.items()):
        match = _KEY.match(found[0].key)
        if match and len(found) == int(match["count"]):
            whole.append(sorted(found))
    return whole


async def _described(
    repository: Repository, place: Place, sealings: Sequence[Sequence[_Piece]], known: Mapping[str, Stored]
) -> tuple[Stored, ...] | None:
    """The first sealing that can be used, as a backup names it. What is known is compared by its size."""
    for pieces in sealings:
        try:
            return tuple([await _describe(repository, place, each, known) for each in pieces])
        except (Damaged, WrongKey, Missing):
            continue
    return None


async def _describe(
    repository: Repository, place: Place, piece: _Piece, known: Mapping[str, Stored]
) -> Stored:
    told = known.get(piece.key)
    if told is not None and told.bytes == piece.bytes and place is repository.first:
        return told
    with repository.file() as file:
        await place.get(piece.key, file)
        sealed = await asyncio.to_thread(file.read_bytes)
        plain = await asyncio.to_thread(unseal, piece.key, sealed, repository.keys)
        if place is not repository.first:
            await repository.first.put(piece.key, file)
    return Stored(piece.key, len(sealed), hashlib.sha256(sealed).hexdigest(), len(plain))


async def _fetched(
    repository: Repository,
    name: str,
    elsewhere: Sequence[tuple[Place, list[_Piece]]],
    known: Mapping[str, Stored],
) -> tuple[Stored, ...] | None:
    """An artefact from the first other place that has it; from then on the first place has it, too."""
    for place, pieces in elsewhere:
        try:
            found = await _described(repository, place, _sealings(name, pieces, repository), known)
        except RecoveryError:  # the place, or what a piece is to be stored as: it is stored anew
            continue
        if found is not None:
            return found
    return None


def _recipients(repository: Repository) -> str:
    """Those who are to open what is sealed now, in short."""
    return hashlib.sha256("\n".join(sorted(repository.keys.recipients)).encode()).hexdigest()[:16]


def _named(name: str, repository: Repository) -> archive.Naming:
    sealing = f"for-{_recipients(repository)}-{secrets.token_hex(4)}"
    return lambda number, count: f"{layout.ARTEFACTS}{name}/{sealing}/{number:04d}-of-{count:04d}"
