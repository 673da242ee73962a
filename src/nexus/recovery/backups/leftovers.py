"""What killed backups leave, parts without a manifest and a working folder, and who has the turn clears.

The first place is this home's own. Elsewhere others may store, too: there only what a backup of this home has
left goes, and only from where this cluster's backups are. So each backup is noted before its first part.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from nexus.recovery import layout
from nexus.recovery.errors import RecoveryError
from nexus.recovery.places import Entry, Place
from nexus.recovery.repository import Repository
from nexus.recovery.streaming.belonging import system_of
from nexus.runtimes.process import accounts


def unfinished(entries: Sequence[Entry]) -> dict[str, tuple[str, ...]]:
    """Backup → its keys, of those that have no manifest. Pure."""
    keys: dict[str, list[str]] = {}
    for entry in entries:
        parts = entry.key.split("/")
        if entry.key.startswith(layout.BACKUPS) and layout.ID.match(parts[1]):
            keys.setdefault(parts[1], []).append(entry.key)
    return {name: tuple(found) for name, found in keys.items() if layout.manifest(name) not in found}


def note_begun(begun: Path, backup: str) -> None:
    """Notes that this home begins a backup. `begun`: the folder of these notes."""
    accounts.private_file(accounts.private_folder(begun, None) / backup, "", None)


async def clear_leftovers(repository: Repository, work: Path, begun: Path) -> tuple[str, ...]:
    """Deletes what backups of this home that were killed left in every place that can be reached; what cannot
    be reached now is cleared by a later one.

    A backup whose manifest is in the first place is whole: what others lack of it is still on its way there.
    Returns the names of those that were cleared.

    Raises:
        PlaceError: the first place cannot be read or written.
        Damaged: nobody can say whose backups it has.
    """
    shutil.rmtree(work, ignore_errors=True)
    first = await repository.first.entries(layout.BACKUPS)
    halves = unfinished(first)
    whole = {entry.key.split("/")[1] for entry in first} - halves.keys()
    for name in halves:
        note_begun(begun, name)
        await repository.first.delete(halves[name])
    notes = {each.name for each in begun.iterdir()} if begun.is_dir() else set()
    cleared = set(halves)
    system, everywhere = await system_of(repository.first, repository.scratch), True
    for place in repository.places[1:] if notes - whole else ():
        try:
            cleared |= await _clear(repository, place, system, notes - whole)
        except RecoveryError:
            everywhere = False
    for name in notes if everywhere else notes & whole:
        (begun / name).unlink(missing_ok=True)
    return tuple(sorted(cleared))


async def _clear(repository: Repository, place: Place, system: str | None, names: set[str]) -> set[str]:
    """Clears a place of what backups have left; returns the names of those it had something of."""
    found = unfinished(await place.entries(layout.BACKUPS))
    ours = names & found.keys()
    if not ours or system is None or await system_of(place, repository.scratch) != system:
        return set()
    for name in ours:
        await place.delete(found[name])
    return ours
