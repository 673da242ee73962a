"""What killed backups leave, parts without a manifest and a working folder, and who has the turn clears."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from nexus.recovery import layout
from nexus.recovery.errors import PlaceError
from nexus.recovery.places import Entry
from nexus.recovery.repository import Repository


def unfinished(entries: Sequence[Entry]) -> dict[str, tuple[str, ...]]:
    """Backup → its keys, of those that have no manifest. Pure."""
    keys: dict[str, list[str]] = {}
    for entry in entries:
        parts = entry.key.split("/")
        if entry.key.startswith(layout.BACKUPS) and layout.ID.match(parts[1]):
            keys.setdefault(parts[1], []).append(entry.key)
    return {name: tuple(found) for name, found in keys.items() if layout.manifest(name) not in found}


async def clear_leftovers(repository: Repository, work: Path) -> tuple[str, ...]:
    """Deletes what backups that were killed left in every place that can be reached.

    A backup whose manifest is in the first place is whole: what others lack of it is still on its way there.
    Returns the names of those that were cleared.

    Raises:
        PlaceError: the first place cannot be read or written.
    """
    shutil.rmtree(work, ignore_errors=True)
    first = await repository.first.entries(layout.BACKUPS)
    whole = {entry.key.split("/")[1] for entry in first} - set(unfinished(first))
    cleared: set[str] = set()
    for place in repository.places:
        try:
            entries = first if place is repository.first else await place.entries(layout.BACKUPS)
            for name, keys in unfinished(entries).items():
                if name not in whole:
                    await place.delete(keys)
                    cleared.add(name)
        except PlaceError:
            if place is repository.first:
                raise
    return tuple(sorted(cleared))
