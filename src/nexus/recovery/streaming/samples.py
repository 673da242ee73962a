"""Which WAL was written when: how old is what a place does not have yet.

Times are those of CLOCK_MONOTONIC, so this machine's clock may be set as one likes. From one process to the
next they are handed on as ages, beside the server's own time.
"""

from __future__ import annotations

from collections.abc import Iterable

MOST = 1024


class Samples:
    """Pairs of a time and the end of the server's WAL then; fewer and fewer of what is long ago."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, int]] = []

    def ages(self, now: float) -> list[tuple[float, int]]:
        """How long ago each was, to be remembered."""
        return [(round(now - at, 3), lsn) for at, lsn in self._kept]

    def recall(self, ages: Iterable[tuple[float, int]], now: float) -> None:
        """Takes in what an earlier process remembered, before anything else."""
        self._kept = [(now - age, lsn) for age, lsn in ages] + self._kept

    def add(self, at: float, lsn: int) -> None:
        """Takes a sample in. A restored server goes on at an earlier place: what came after it is gone."""
        while self._kept and self._kept[-1][1] > lsn:
            self._kept.pop()
        if len(self._kept) > 1 and self._kept[-1][1] == self._kept[-2][1] == lsn:
            self._kept[-1] = (at, lsn)
        else:
            self._kept.append((at, lsn))
        if len(self._kept) > MOST:
            half = MOST // 2
            self._kept = self._kept[:half:2] + self._kept[half:]

    def missing(self, lsn: int | None, now: float) -> float | None:
        """How many seconds of work are not within the WAL up to `lsn`; None where nothing is known."""
        if not self._kept or lsn is None:
            return None
        if lsn >= self._kept[-1][1]:
            return 0.0
        since = self._kept[0][0]
        for at, end in self._kept:
            if end > lsn:
                break
            since = at
        return max(0.0, now - since)

    def pace(self, seconds: float) -> float:
        """Bytes of WAL per second, over the last so many seconds."""
        if len(self._kept) < 2:
            return 0.0
        last = self._kept[-1]
        first = next(each for each in self._kept if each[0] >= last[0] - seconds)
        return (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else 0.0
