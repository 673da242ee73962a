"""What releases run from, stored once for all backups: an artefact never changes, and its name is its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nexus.recovery import layout
from nexus.recovery.backups import archive
from nexus.recovery.backups.manifest import Stored
from nexus.recovery.repository import Repository
from nexus.runtimes.home import Home

RELEASES, PARTS = "releases", "parts"
_KEY = re.compile(r"^(?P<folder>artefacts/.+)/(?P<number>\d{4})-of-(?P<count>\d{4})$")


def folder_of(key: str) -> str | None:
    """Which artefact a key belongs to: `releases/sales/3fa9c1d204be`; None for other keys."""
    found = _KEY.match(key)
    return found["folder"].removeprefix(layout.ARTEFACTS) if found else None


async def store_artefacts(
    home: Home, repository: Repository, known: Mapping[str, Stored], work: Path
) -> tuple[Stored, ...]:
    """Stores what is not stored yet; returns the pieces of all. `known`: what earlier backups say of pieces.

    Raises:
        PlaceError: it cannot be stored, or what is stored cannot be read.
    """
    there = [entry.key for entry in await repository.first.entries(layout.ARTEFACTS)]
    stored: list[Stored] = []
    for folder, name in _folders(home):
        keys = _whole(name, there)
        if keys:
            stored += [known.get(key) or await repository.describe(key) for key in keys]
            continue
        await repository.first.delete([key for key in there if folder_of(key) == name])
        file = work / "artefact.tar"
        await asyncio.to_thread(archive.write, file, archive.members(folder, ""))
        stored += await archive.store(repository, file, _named(name))
        file.unlink()
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


def _whole(name: str, keys: Sequence[str]) -> list[str]:
    """The keys of an artefact, in order, when all of them are there. Pure."""
    found = [match for key in keys if (match := _KEY.match(key)) and folder_of(key) == name]
    if not found or len(found) != int(found[0]["count"]):
        return []
    return sorted(match.string for match in found)


def _named(name: str) -> archive.Naming:
    return lambda number, count: f"{layout.ARTEFACTS}{name}/{number:04d}-of-{count:04d}"
