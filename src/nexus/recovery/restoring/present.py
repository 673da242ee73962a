"""Which timeline was lived last: not the one with the highest number, since a restore can be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery import lsn
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.errors import Damaged, PlaceError, WrongKey
from nexus.recovery.restoring import locate
from nexus.recovery.restoring.choice import both
from nexus.recovery.restoring.records import Reader
from nexus.recovery.restoring.timelines import Leg
from nexus.recovery.streaming.coverage import Span


@dataclass(frozen=True, order=True)
class Lived:
    """`until`: when a timeline's last backup or commit was (seconds since the epoch; 0: nobody knows)."""

    until: float
    timeline: int


async def lived_last(
    reader: Reader,
    timelines: Iterable[int],
    histories: Mapping[int, Sequence[tuple[int, int]]],
    there: Sequence[Span],
    backups: Iterable[BackupManifest],
) -> tuple[Lived, ...]:
    """The timelines that end somewhere of their own, the one that was lived last first. One that others go on
    from, and that has nothing beyond the place where it was left, is a part of those.
    """
    left: dict[int, int] = {}
    for before in histories.values():
        for timeline, place in before:
            left[timeline] = max(place, left.get(timeline, 0))
    known = tuple(backups)
    found = []
    for timeline in timelines:
        spans = [each for each in there if each.timeline == timeline]
        ends = max((each.end_lsn for each in spans), default=0)
        made = [each for each in known if each.timeline == timeline]
        ended = max((lsn.parse(each.end_lsn) for each in made), default=0)
        if timeline in left and max(ends, ended) <= left[timeline]:
            continue
        until = max((each.ended for each in made), default=0.0)
        found.append(Lived(max(until, await _last_commit(reader, spans)), timeline))
    return tuple(sorted(found, reverse=True))


async def _last_commit(reader: Reader, spans: Sequence[Span]) -> float:
    """When it was; 0 where there is none, or where nobody can read it."""
    if not spans:
        return 0.0
    last = max(spans)
    leg = Leg(last.timeline, last.start_lsn, last.end_lsn)
    try:
        found = await locate.last_before(reader, (leg,), leg.end)
    except (Damaged, WrongKey, PlaceError):
        return 0.0
    return 0.0 if found is None else found.at


def told(lived: Sequence[Lived], zone: str) -> tuple[Sentence, ...]:
    """What an operator should know where there are several. Pure."""
    if len(lived) < 2:
        return ()
    others = ", ".join(f"--timeline {each.timeline} ({_until(each, zone)})" for each in lived[1:])
    return (
        Sentence(
            "timeline {number} is followed, which was lived last ({until}); others end elsewhere: {others}",
            number=lived[0].timeline,
            until=_until(lived[0], zone),
            others=others,
        ),
    )


def _until(lived: Lived, zone: str) -> str:
    return both(lived.until, zone) if lived.until else "?"
