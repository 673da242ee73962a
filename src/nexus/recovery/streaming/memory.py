"""What the stream must know from one process to the next: the gap, and which WAL was written when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nexus.recovery.streaming.status import Gap
from nexus.runtimes.process import accounts


@dataclass(frozen=True)
class Memory:
    """`ages`: how many seconds before `at`, a time of the server's, its WAL ended where. `places`: how far
    each place was.
    """

    gap: Gap | None = None
    at: float = 0.0
    ages: tuple[tuple[float, int], ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Keeps it; whoever is killed meanwhile leaves the old one."""
        accounts.private_file(path, json.dumps(asdict(self)), None)

    @classmethod
    def read(cls, path: Path) -> Memory:
        """What `write` wrote; nothing where there is nothing, or where it cannot be read."""
        try:
            told = json.loads(path.read_text())
            gap = Gap(**told["gap"]) if told["gap"] else None
            ages = tuple((float(age), int(lsn)) for age, lsn in told["ages"])
            return cls(gap, float(told["at"]), ages, {str(k): int(v) for k, v in told["places"].items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def since(self, now: float) -> tuple[tuple[float, int], ...]:
        """The ages now, by the server's time."""
        passed = max(0.0, now - self.at)
        return tuple((age + passed, lsn) for age, lsn in self.ages)
