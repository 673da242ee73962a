"""Removes artefacts that are no longer needed, and what only they used."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from nexus.releases.artefact.errors import ArtefactError
from nexus.releases.artefact.layout import DRAFT, read_note
from nexus.runtimes.home import Home

RESTS_S = 3600.0  # what is being made is younger
KEPT = 5  # newest artefacts of a service that stay, whatever runs


def prune(home: Home, needed: Mapping[str, Collection[str]]) -> tuple[Path, ...]:
    """Removes the artefacts beyond the newest of each service, but for the `needed` (service → digests), then
    shared parts that none of the rest is made of; returns what was removed.
    """
    gone = [each for service in _folders(home.releases) for each in _old(service, needed)]
    gone += [*_drafts(home.releases), *(each for each in home.parts.glob(f"{DRAFT}*") if _rests(each))]
    for each in gone:
        shutil.rmtree(each, ignore_errors=True)
    used = {
        digest for service in _folders(home.releases) for each in _folders(service) for digest in _parts(each)
    }
    unused = [each for each in _folders(home.parts) if each.name not in used and _rests(each)]
    for each in unused:
        shutil.rmtree(each, ignore_errors=True)
    return (*gone, *unused)


def _old(service: Path, needed: Mapping[str, Collection[str]]) -> list[Path]:
    found = sorted(_folders(service), key=lambda each: each.stat().st_mtime, reverse=True)
    kept = needed.get(service.name, ())
    return [each for each in found[KEPT:] if each.name not in kept]


def _parts(artefact: Path) -> Collection[str]:
    """Nothing is known of what a broken artefact is made of: it is refused anyway."""
    try:
        return read_note(artefact).shared.values()
    except ArtefactError:
        return ()


def _drafts(releases: Path) -> list[Path]:
    """What was left by copies that were killed."""
    return [each for service in _folders(releases) for each in service.glob(f"{DRAFT}*") if _rests(each)]


def _rests(folder: Path) -> bool:
    return folder.stat().st_mtime < time.time() - RESTS_S


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(DRAFT))
