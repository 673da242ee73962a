"""Where a stack is made before it has its name: a hidden folder beside it, which one restore alone holds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nexus.migrations.rehearsing.leftovers import end_server
from nexus.recovery.backups.turn import turn
from nexus.recovery.errors import RecoveryFailed
from nexus.recovery.restoring.restore import WALKABLE
from nexus.runtimes.process import accounts

LOCK = "lock"  # ours: whatever else is found is somebody's own


@dataclass(frozen=True)
class Draft:
    """The draft of `home`, a path where nothing is yet."""

    home: Path

    @property
    def place(self) -> Path:
        """Where it is made."""
        return self._root / "home"

    @property
    def _root(self) -> Path:
        return self.home.with_name(f".{self.home.name}.making")

    @contextmanager
    def held(self) -> Iterator[bool]:
        """The draft is ours while the block runs, and gone afterwards. Yields whether a killed restore had
        left something, which was removed.

        Raises:
            RecoveryFailed: another restore makes it, or the folder is none of ours.
        """
        root = self._root
        if root.exists() and any(root.iterdir()) and not (root / LOCK).is_file():
            raise RecoveryFailed(f"{root} is in the way, and no restore made it; move it away")
        root.mkdir(exist_ok=True)
        root.chmod(WALKABLE if accounts.can_drop() else 0o700)
        with turn(root / LOCK, f"a restore into {self.home}"):
            left = self._clear()
            try:
                yield left
            finally:
                self._clear()
                (root / LOCK).unlink()
                root.rmdir()

    def appear(self) -> None:
        """Its name says that it is whole."""
        self.place.rename(self.home)
        for folder in (self._root, self.home.parent):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _clear(self) -> bool:
        """Ends the servers that run in it, and removes it; whether there was something."""
        if not self.place.exists():
            return False
        data = self.place / "data"
        for server in (*data.glob("*.proof"), *data.glob(".*.restoring/*/")):
            end_server(server)
        shutil.rmtree(self.place)
        return True
