"""The file that tells a place from an empty folder: a disk that is not mounted looks like one.

The first write puts a marker into the place and remembers it in the stack's home. From then on, a place
without it, or with another one, is not written to.
"""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from nexus.recovery.errors import PlaceError

MARKER = ".nexus-place"


@dataclass(frozen=True)
class Marker:
    """Of the place `name`, remembered in the file `memory`."""

    name: str
    memory: Path

    def known(self) -> str | None:
        """The marker that was seen before."""
        try:
            return self.memory.read_text(encoding="utf-8").strip() or None
        except (FileNotFoundError, PermissionError):  # who recovers on behalf of a server may not look here
            return None

    def judge(self, found: str | None, where: str) -> bool:
        """Whether what is found in the place `where` (as people know it) is the place itself; False: it was
        never used, and a marker is to be written before anything else.

        Raises:
            PlaceError: it is gone, or another one.
        """
        known = self.known()
        if found and known is None:
            with contextlib.suppress(PermissionError):  # who may only read remembers nothing
                self.remember(found)
        elif found is None and known is not None:
            raise PlaceError(
                f"place {self.name}: {where} does not hold what was written there before; is it mounted? "
                f"Mount it, or, if it is to begin anew, remove {self.memory}"
            )
        elif found != known:
            raise PlaceError(
                f"place {self.name}: {where} holds another place than before; mount the right one, or, if it "
                f"is to be used from now on, remove {self.memory}"
            )
        return found is not None

    def remember(self, marker: str) -> None:
        """Keeps what was seen; readers see the old or the new, never half."""
        self.memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(
            "w", dir=self.memory.parent, prefix=f".{self.memory.name}.", delete=False
        ) as draft:
            draft.write(marker)
        Path(draft.name).replace(self.memory)


def new_marker() -> str:
    """A marker that no other place has."""
    return uuid.uuid4().hex
