"""The seat of the primary: which data folder may accept writes, decided by one compare-and-swap.

Each decision has a number, the epoch. Whoever wants to change anything names the epoch it has seen, and is
refused when another was decided meanwhile: of two that decide at the same time, one wins. While the seat is
`moving`, nobody starts the old primary; whoever finds it so goes on where the other stopped.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from nexus.plans.store import Store
from nexus.standby.errors import SeatTaken

_TABLE = """
CREATE TABLE IF NOT EXISTS seat (
    id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, holder TEXT NOT NULL,
    moving TEXT NOT NULL, why TEXT NOT NULL, at REAL NOT NULL);
PRAGMA synchronous = FULL;
"""


@dataclass(frozen=True)
class Held:
    """A decision. `holder`: the primary's data folder; `moving`: the one that takes its place ("" = none).

    `at`: seconds since the epoch of Unix.
    """

    epoch: int = 0
    holder: str = ""
    moving: str = ""
    why: str = ""
    at: float = 0.0


class Seat:
    """The decisions, in the control loop's own database; each survives a crash of the machine."""

    def __init__(self, path: Path) -> None:
        self._store = Store(path, _TABLE)

    def held(self) -> Held:
        """The present decision; epoch 0 while there was none."""
        rows = self._store.query("SELECT epoch, holder, moving, why, at FROM seat")
        return Held(*rows[0]) if rows else Held()

    def move(self, seen: Held, holder: Path, to: Path, why: str) -> Held:
        """Begins to move the seat from `holder` to `to`.

        Raises:
            SeatTaken: something else than `seen` is decided by now.
        """
        return self._decide(seen, Held(seen.epoch + 1, str(holder), str(to), why, time.time()))

    def settle(self, seen: Held) -> Held:
        """The server that the seat was moving to is the primary.

        Raises:
            SeatTaken: something else than `seen` is decided by now.
        """
        return self._decide(seen, Held(seen.epoch, seen.moving, "", seen.why, time.time()))

    def give_back(self, seen: Held, why: str) -> Held:
        """The move is given up; the former primary is the primary again.

        Raises:
            SeatTaken: something else than `seen` is decided by now.
        """
        return self._decide(seen, Held(seen.epoch + 1, seen.holder, "", why, time.time()))

    def check(self, epoch: int, to: Path) -> Held:
        """The present decision, which must be the move to `to` that has this number.

        Raises:
            SeatTaken: it is another one.
        """
        held = self.held()
        if (held.epoch, held.moving) != (epoch, str(to)):
            raise SeatTaken(
                f"decision {epoch} (to {to}) does not hold any more: decision {held.epoch} was made at "
                f"{time.strftime('%H:%M:%S', time.gmtime(held.at))} UTC ({held.why})"
            )
        return held

    def close(self) -> None:
        """Closes the file."""
        self._store.close()

    def _decide(self, seen: Held, new: Held) -> Held:
        with self._store.exclusive():
            if self.held() != seen:
                raise SeatTaken(
                    f"another decision than number {seen.epoch} was made meanwhile; look at "
                    "`nexus standby status`, then run the same command again"
                )
            self._store.execute(
                "INSERT OR REPLACE INTO seat VALUES (1, ?, ?, ?, ?, ?)",
                (new.epoch, new.holder, new.moving, new.why, new.at),
            )
        return new
