"""How fast restores were on this machine, so that the next one's time is a measurement and not a guess."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from nexus.recovery.restoring.choice import Choice
from nexus.recovery.restoring.target import Reached
from nexus.runtimes.process import accounts

FIXED = 6.0  # seconds: a server's start, its checkpoint, its end
MEANINGFUL = 32 << 20  # bytes; less says more about the start of a program than about a rate
NEWEST = 0.5  # how much the last restore counts


@dataclass(frozen=True)
class Rates:
    """Bytes a second: of files fetched and unsealed, of files verified, of WAL replayed."""

    fetched: float = 150e6
    verified: float = 400e6
    replayed: float = 30e6
    measured: bool = False

    def seconds(self, choice: Choice) -> float:
        """How long a restore will take."""
        files = choice.bytes / self.fetched + choice.bytes / self.verified
        return files + choice.wal / self.replayed + FIXED


def read_rates(file: Path) -> Rates:
    """The noted ones; those of a small machine where none are."""
    try:
        told: Mapping[str, float] = json.loads(file.read_text())
        return Rates(float(told["fetched"]), float(told["verified"]), float(told["replayed"]), True)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return Rates()


def note_rates(file: Path, reached: Reached) -> None:
    """Remembers how fast a restore was."""
    before = read_rates(file)
    rates = Rates(
        _mean(before, before.fetched, reached.bytes, reached.fetched),
        _mean(before, before.verified, reached.bytes, reached.verified),
        _mean(before, before.replayed, reached.wal, reached.replayed - FIXED / 2),
    )
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    accounts.private_file(file, json.dumps(asdict(rates)), None)


def _mean(before: Rates, old: float, bytes: int, seconds: float) -> float:
    if bytes < MEANINGFUL or seconds <= 0:
        return old
    new = bytes / seconds
    return new if not before.measured else old * (1 - NEWEST) + new * NEWEST
