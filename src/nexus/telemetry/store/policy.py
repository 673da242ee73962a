"""How much telemetry is kept: by age and size for each signal, and how much of the disk is left to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from nexus.telemetry.records import Signal

MIB = 2**20
GIB = 2**30


@dataclass(frozen=True)
class Keep:
    """What is kept of one signal: no older than `age`, no more than `size` bytes on disk."""

    age: timedelta
    size: int

    @property
    def part(self) -> int:
        """Bytes at which a day goes on in a new file, so that what is dropped at once is small."""
        return max(self.size // 8, 4 * MIB)


def _defaults() -> dict[Signal, Keep]:
    return {
        "logs": Keep(timedelta(days=14), 4 * GIB),
        "traces": Keep(timedelta(days=7), 2 * GIB),
        "metrics": Keep(timedelta(days=30), 2 * GIB),
        "health": Keep(timedelta(days=30), 256 * MIB),
        "business": Keep(timedelta(days=400), 256 * MIB),
    }


def keeping(changes: Mapping[str, Mapping[str, float]]) -> Mapping[Signal, Keep]:
    """What is kept by default, with `changes`: of a signal its `age` in seconds, its `size` in bytes."""
    return {
        signal: Keep(
            timedelta(seconds=changes.get(signal, {}).get("age", usual.age.total_seconds())),
            int(changes.get(signal, {}).get("size", usual.size)),
        )
        for signal, usual in _defaults().items()
    }


@dataclass(frozen=True)
class Policy:
    """What is kept of each signal. `reserve` bytes of the disk stay free (None: 512 MiB or 2 %, the larger).

    `memory` bytes and `threads` bound the database engine.
    """

    keep: Mapping[Signal, Keep] = field(default_factory=_defaults)
    reserve: int | None = None
    memory: int = 512 * MIB
    threads: int = 2

    def reserved(self, disk: int) -> int:
        """The bytes that stay free on a disk of `disk` bytes."""
        return max(512 * MIB, disk // 50) if self.reserve is None else self.reserve
