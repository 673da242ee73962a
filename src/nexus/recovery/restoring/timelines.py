"""Which WAL follows which, over the timelines of a cluster's life (PostgreSQL manual, 25.3.6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nexus.recovery import lsn
from nexus.recovery.errors import Damaged
from nexus.recovery.streaming.coverage import Span

ENDLESS = 1 << 64


@dataclass(frozen=True)
class Leg:
    """WAL of one timeline, from `start` to `end` (exclusive), as numbers of bytes."""

    timeline: int
    start: int
    end: int


def ancestors(history: bytes) -> tuple[tuple[int, int], ...]:
    """The timelines before this one, oldest first, each with the place where it was left.

    Raises:
        Damaged: it is no timeline history.
    """
    found = []
    for line in history.decode("utf-8", "replace").splitlines():
        fields = line.partition("#")[0].split("\t")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found.append((int(fields[0]), lsn.parse(fields[1].strip())))
        except (ValueError, IndexError) as error:
            raise Damaged(f"a timeline's history says {line!r}, which cannot be understood") from error
    return tuple(found)


def life(timeline: int, histories: Mapping[int, Sequence[tuple[int, int]]]) -> tuple[Leg, ...]:
    """From the first timeline to this one, each up to where it was left; the last one has no end."""
    legs, start = [], 0
    for before, left in histories.get(timeline, ()):
        legs.append(Leg(before, start, left))
        start = left
    return (*legs, Leg(timeline, start, ENDLESS))


def follow(
    lived: Sequence[Leg], spans: Iterable[Span], timeline: int, start: int, size: int
) -> tuple[Leg, ...]:
    """The WAL that is there from a place of a timeline on, as far as it goes without a hole. `size`: of
    segments: where timelines part, the newer one's segment holds the older one's bytes too.
    """
    spans = tuple(spans)
    found: list[Leg] = []
    for index, leg in enumerate(lived):
        if leg.timeline != timeline and not found:
            continue
        at = found[-1].end if found else start
        end = min(_held(spans, leg.timeline, at), leg.end)
        shared = leg.end - leg.end % size
        goes_on = end < leg.end and index + 1 < len(lived) and max(end, at) >= shared
        if goes_on and _held(spans, lived[index + 1].timeline, shared) >= leg.end:
            end = max(shared, at)
        if end > at:
            found.append(Leg(leg.timeline, at, end))
        elif not found:
            break
        if end < shared:
            break
    return tuple(found)


def _held(spans: Iterable[Span], timeline: int, at: int) -> int:
    """Up to where the WAL of a timeline is there from a place on; 0 where it is not."""
    for span in spans:
        if span.timeline == timeline and span.start_lsn <= at < span.end_lsn:
            return span.end_lsn
    return 0
