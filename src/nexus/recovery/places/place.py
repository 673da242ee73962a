"""A place: where sealed files are kept, by name. The same face for a folder, SFTP and S3."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from nexus.recovery.places.pace import FREE, Pace


@dataclass(frozen=True)
class Entry:
    """One file of a place. `modified` in seconds since the epoch, `bytes` as stored. `sha256`: in
    hexadecimal, where whoever stored it says so; listings do not.
    """

    key: str
    bytes: int
    modified: float
    sha256: str = ""


class Place(Protocol):
    """Where files are kept. Keys are like `backups/20261126T023000Z-full/base/00001`: `/` parts them.

    A file appears whole or not at all, is durable when `put` returns, and is never changed afterwards:
    putting the same bytes again does nothing. What arrived was compared with what was sent. All methods
    raise PlaceError; its message names the place and says how to mend it.
    """

    @property
    def name(self) -> str:
        """As `nexus.yaml` calls it."""

    async def put(self, key: str, file: Path, pace: Pace = FREE) -> None:
        """Stores a file; one that was cut off goes on where it was. Raises Conflict, NoRoom."""

    async def get(self, key: str, file: Path) -> None:
        """Fetches a file to a path that is not there yet. Raises Missing."""

    async def entries(self, prefix: str = "") -> tuple[Entry, ...]:
        """What is stored below a prefix, sorted by key; what is not whole is not told."""

    async def delete(self, keys: Collection[str]) -> None:
        """Deletes all that may be deleted; what is not there is nobody's trouble. Raises Locked at the end:
        which were not, and until when.
        """

    async def free(self) -> int | None:
        """Bytes that still fit; None where the place has no end."""

    async def check(self) -> None:
        """Asks whether it can be written and read now."""

    async def close(self) -> None:
        """Lets go of connections."""


@runtime_checkable
class Tended(Protocol):
    """A place that wants something done from time to time."""

    async def tend(self, kept: Collection[str]) -> None:
        """Sees that these files, which are there, are not deleted before their time; clears what nobody goes
        on with. Raises PlaceError.
        """
