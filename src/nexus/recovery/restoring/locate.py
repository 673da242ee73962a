"""Where in the WAL something happened: a moment, a restore point, the last commit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from nexus.recovery.restoring.records import AT_ONCE, End, Point, Reader
from nexus.recovery.restoring.timelines import Leg

LOOKS_BACK = 64  # segments in which the last commit is looked for
UNEVEN = 2  # segments before the one found are looked at too: commits are not quite in the order of time
_STAMP = re.compile(r"-(\d{8}T\d{6})Z$")
NEAR = 300.0  # seconds around the time in a restore point's name
T = TypeVar("T")


@dataclass(frozen=True)
class Segment:
    """A segment, and which of its bytes count."""

    timeline: int
    number: int
    start: int
    end: int


def segments(legs: Sequence[Leg], size: int) -> tuple[Segment, ...]:
    """The segments that some WAL lies in, in its order."""
    return tuple(
        Segment(leg.timeline, number, max(leg.start, number * size), min(leg.end, (number + 1) * size))
        for leg in legs
        for number in range(leg.start // size, -(-leg.end // size))
    )


async def first_after(reader: Reader, legs: Sequence[Leg], at: float) -> End | None:
    """The first transaction that ended after a moment (seconds since the epoch); None where none did. Looks
    at few segments: transactions end nearly in the order of time.
    """
    all_, end_of = segments(legs, reader.size), legs[-1].end
    low, high, found = 0, len(all_), None
    while low < high:
        middle = (low + high) // 2
        at_hand = middle
        ends: tuple[End, ...] = ()
        while at_hand < high and not ends:
            ends = await _ends(reader, all_[at_hand], end_of)
            at_hand += 1
        if any(each.at > at for each in ends):
            found, high = at_hand - 1, middle
        elif ends:
            low = at_hand
        else:
            high = middle
    if found is None:
        return None
    for index in range(max(0, found - UNEVEN), found + 1):
        for each in await _ends(reader, all_[index], end_of):
            if each.at > at:
                return each
    raise AssertionError("a segment does not hold what it held before")


async def last_before(reader: Reader, legs: Sequence[Leg], place: int) -> End | None:
    """The last commit before a place in the WAL; None where the segments before it hold none."""
    before = [each for each in segments(legs, reader.size) if each.start < place][-LOOKS_BACK:]
    for segment in reversed(before):
        ends = await _ends(reader, segment, legs[-1].end)
        committed = [each for each in ends if each.committed and each.lsn < place]
        if committed:
            return committed[-1]
    return None


async def commits_from(reader: Reader, legs: Sequence[Leg], place: int, most: int) -> tuple[list[End], bool]:
    """The commits from a place in the WAL on, in at most so many segments; and whether those are all."""
    after = [each for each in segments(legs, reader.size) if each.end > place]
    found = await _all(after[:most], lambda each: _ends(reader, each, legs[-1].end))
    committed = [each for ends in found for each in ends if each.committed and each.lsn >= place]
    return committed, len(after) <= most


async def points(reader: Reader, legs: Sequence[Leg], name: str | re.Pattern[str]) -> list[Point]:
    """The restore points of a name, or those whose name matches, in the WAL's order. A name that ends with a
    time, as those before migrations do, is looked for around that time.
    """
    looked = segments(legs, reader.size)
    if isinstance(name, str) and (stamp := _STAMP.search(name)):
        when = datetime.strptime(stamp[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp()
        first = await first_after(reader, legs, when - NEAR)
        last = await first_after(reader, legs, when + NEAR)
        if first is not None:
            end = legs[-1].end if last is None else last.lsn + reader.size
            looked = tuple(each for each in looked if each.end > first.lsn - reader.size and each.start < end)

    async def read(segment: Segment) -> list[Point]:
        records = await reader.records(segment.timeline, segment.number, legs[-1].end)
        within = [each for each in records.points if segment.start <= each.lsn < segment.end]
        matches = (lambda text: text == name) if isinstance(name, str) else name.search
        return [each for each in within if matches(each.name)]

    return [each for found in await _all(looked, read) for each in found]


async def _ends(reader: Reader, segment: Segment, end: int) -> tuple[End, ...]:
    records = await reader.records(segment.timeline, segment.number, end)
    return tuple(each for each in records.ends if segment.start <= each.lsn < segment.end)


async def _all(segments: Sequence[Segment], read: Callable[[Segment], Awaitable[T]]) -> list[T]:
    found: list[T] = []
    for start in range(0, len(segments), AT_ONCE):
        found += await asyncio.gather(*map(read, segments[start : start + AT_ONCE]))
    return found
