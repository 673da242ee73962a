"""Deleting what retention no longer keeps: a backup's manifest first, so that no half of one looks whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nexus.recovery import layout
from nexus.recovery.errors import Locked
from nexus.recovery.places.place import Place

BATCH = 500  # keys that are deleted with one call


@dataclass(frozen=True)
class Forgotten:
    """`deleted`: keys that are gone; `locked`: keys that stay for now, and until when (seconds since the
    epoch; None: until somebody unlocks them).
    """

    deleted: tuple[str, ...]
    locked: Mapping[str, float | None]


async def forget(target: Place, keys: Collection[str]) -> Forgotten:
    """Deletes keys of a place. Of a backup whose manifest is locked nothing is deleted. Delete them in the
    first place before the others: mirrors bring back what it has.

    Raises:
        PlaceError: the place cannot be used; the same call goes on where it was.
    """
    manifests = {layout.manifest(backup) for key in keys if (backup := _backup(key))}
    locked = await _delete(target, sorted(manifests.intersection(keys)))
    kept = {_backup(key): until for key, until in locked.items()}
    rest = [key for key in sorted(keys) if key not in manifests]
    locked |= {key: kept[backup] for key in rest if (backup := _backup(key)) in kept}
    locked |= await _delete(target, [key for key in rest if key not in locked])
    return Forgotten(tuple(key for key in sorted(keys) if key not in locked), locked)


def _backup(key: str) -> str | None:
    return key.split("/")[1] if key.startswith(layout.BACKUPS) else None


async def _delete(target: Place, keys: list[str]) -> dict[str, float | None]:
    locked: dict[str, float | None] = {}
    for start in range(0, len(keys), BATCH):
        try:
            await target.delete(keys[start : start + BATCH])
        except Locked as error:
            locked |= error.until
    return locked
