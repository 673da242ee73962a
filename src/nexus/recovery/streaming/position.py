"""Where the stream goes on: decided from what the archive has and what the server is. Pure.

A server that was restored, or failed over, is on another timeline, and may have left ours before the end of
what we have. The WAL is followed along the server's own line of timelines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus.recovery import lsn
from nexus.recovery.errors import RecoveryError
from nexus.recovery.streaming.coverage import Span

HOW = (
    "its data were put back by other means than `nexus restore`; restore them with `nexus restore`, which "
    "begins a timeline of its own"
)


class Diverged(RecoveryError):
    """The server's WAL contradicts what the archive has."""


class Contradicts(Diverged):
    """What was received into `folder` does."""

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message)
        self.folder = folder


@dataclass(frozen=True)
class Position:
    """The segment that begins with byte `start` (a segment's first) of a timeline; `end`: what the archive
    has of that timeline ends there.
    """

    timeline: int
    start: int
    end: int

    def segment(self, size: int) -> str:
        """The segment's name."""
        return lsn.segment(self.timeline, self.start, size)


def line_of(timeline: int, end: int, forks: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    """The server's line: each of its timelines, oldest first, and where it was left or is now."""
    return (*sorted(forks.items()), (timeline, end))


def wanted(held: Mapping[int, int], line: tuple[tuple[int, int], ...], size: int) -> Position | None:
    """From where on WAL is wanted; None where the archive has nothing of the server's line yet.

    `held`: timeline → the end of what the archive has of it.

    Raises:
        Diverged: the archive has WAL that the server no longer has, on the server's own timeline.
    """
    now, reached = line[-1]
    if held.get(now, 0) > reached:
        raise Diverged(
            f"the archive has WAL of timeline {now} up to {lsn.text(held[now])}, but the server is only at "
            f"{lsn.text(reached)}: {HOW}"
        )
    for at in range(len(line) - 1, -1, -1):
        timeline, left = line[at]
        if timeline not in held:
            continue
        if held[timeline] < left or at == len(line) - 1:
            return Position(timeline, held[timeline] // size * size, held[timeline])
        following = line[at + 1][0]
        return Position(following, left // size * size, left)
    return None


def holes(there: Sequence[Span], line: tuple[tuple[int, int], ...], size: int) -> tuple[Position, ...]:
    """Where WAL of the server's line is missing before other WAL that the archive has, oldest first: a backup
    that was taken while the stream was away brought its own. Pure.
    """
    on = {timeline for timeline, _ in line}
    newest = max(((each.timeline, each.end_lsn) for each in there if each.timeline in on), default=(0, 0))
    return tuple(
        Position(timeline, each.end_lsn // size * size, each.end_lsn)
        for timeline, left in line
        for each in there
        if each.timeline == timeline and each.end_lsn < left and (timeline, each.end_lsn) < newest
    )


def at(place: int, line: tuple[tuple[int, int], ...], size: int) -> Position:
    """The segment of a byte on the server's line."""
    for timeline, left in line:
        if place < left:
            return Position(timeline, place // size * size, place)
    return Position(line[-1][0], place // size * size, place)
