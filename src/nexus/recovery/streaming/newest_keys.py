"""Sealing for whoever holds a key now: a recovery kit counts from the moment that it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nexus.recovery.backups.manifest import Stored
from nexus.recovery.repository import Repository
from nexus.recovery.sealing.keyring import keys_at_hand
from nexus.runtimes.home import Home


@dataclass(frozen=True)
class NewestKeys(Repository):
    """A repository whose every file is sealed for the keys that the home has at that moment: a backup that
    began after a kit was made is opened by it only if all WAL from then on is, too.
    """

    home: Home

    async def put(self, key: str, data: bytes) -> Stored:
        """Seals data and stores it in the first place.

        Raises:
            PlaceError: it cannot be stored.
            WrongKey: the stack's own keys cannot be read.
        """
        now = replace(self, keys=keys_at_hand(self.home, self.keys)[0])
        return await Repository.put(now, key, data)
