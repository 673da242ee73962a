"""What a restore will use and where it will stop, found out before anything is done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery import lsn
from nexus.recovery.errors import RecoveryFailed, Unreachable
from nexus.recovery.repository import Repository
from nexus.recovery.restoring import locate
from nexus.recovery.restoring.archive import Archive, Candidate, read_archive
from nexus.recovery.restoring.choice import Choice, Stop, both
from nexus.recovery.restoring.migrations import made_before, matching
from nexus.recovery.restoring.records import Point
from nexus.recovery.restoring.target import Known, Target


async def choose(
    repository: Repository,
    target: Target,
    *,
    zone: str = "UTC",
    known: Known | None = None,
    url: str | None = None,
) -> Choice:
    """How to get to a target. `zone`: whose clock messages show beside UTC; `known`: what the stream knows of
    the living database; `url`: the superuser's address of it, which tells best which restore point was made
    for a migration.

    Raises:
        Unreachable: no backup and WAL lead there; says what is reachable.
        WrongVersion: it takes another PostgreSQL than ours; says which.
        Damaged, WrongKey, PlaceError: what must be known for it cannot be read.
    """
    archive = await read_archive(repository, target, known, zone)
    if target.kind == "backup":
        return await _finished(archive, target, archive.candidates[0], None, ())
    if target.kind == "migration":
        target, told = await _before_migration(archive, target, url)
        archive = replace(archive, notes=(*archive.notes, *told))
    for group in archive.groups:
        limit, notes = await _limit(archive, group, target)
        usable = [each for each in group if limit is not None and each.consistent <= limit <= each.end]
        if usable:
            best = max(usable, key=lambda each: (each.consistent, -len(each.chain)))
            return await _finished(archive, target, best, limit, notes)
    raise Unreachable(await _unreachable(archive, target, zone))


async def _limit(
    archive: Archive, group: Sequence[Candidate], target: Target
) -> tuple[int | None, tuple[Sentence, ...]]:
    """The byte at which the replay ends, where these candidates lead there."""
    reach = min(group, key=lambda each: each.consistent)
    if target.kind == "latest":
        return group[0].end, ()
    if target.kind == "lsn":
        return _place(target.name), ()
    if target.kind == "point":
        return await _point(archive, reach, target.name)
    assert target.at is not None
    return await _moment(archive, group, reach, target.at)


async def _moment(
    archive: Archive, group: Sequence[Candidate], reach: Candidate, at: float
) -> tuple[int | None, tuple[Sentence, ...]]:
    """Where the first transaction that ended after a moment begins to end, or the WAL's own end."""
    first = await locate.first_after(archive.reader, reach.legs, at)
    place = reach.end if first is None else first.lsn
    last = await locate.last_before(archive.reader, reach.legs, place)
    if last is None and reach.backup.ended > at:
        return None, ()  # nobody knows what was committed between that moment and the backup
    if first is not None:
        return place, _other_life(archive, reach, place)
    if group != archive.groups[0] or at > max(archive.known, last.at if last else 0.0):
        return None, ()
    return place, (Sentence("nothing was committed after that moment: the end of the WAL is it"),)


def _place(text: str) -> int:
    try:
        return lsn.parse(text)
    except ValueError as error:
        raise Unreachable(str(error)) from error


async def _point(archive: Archive, reach: Candidate, name: str) -> tuple[int | None, tuple[Sentence, ...]]:
    found = await locate.points(archive.reader, reach.legs, name)
    if not found:
        return None, ()
    if len(found) == 1:
        return found[0].lsn, ()
    places = ", ".join(lsn.text(each.lsn) for each in found[:-1])
    return found[-1].lsn, (
        Sentence(
            "{count} restore points have that name: the last one is taken, not {others}",
            count=len(found),
            others=places,
        ),
    )


def _other_life(archive: Archive, reach: Candidate, place: int) -> tuple[Sentence, ...]:
    """That a moment was lived twice: on a timeline that was left, and after it had been left."""
    for before, after in zip(reach.legs, reach.legs[1:], strict=False):
        left = next((each for each in archive.lived if each.timeline == before.timeline), None)
        gone = [span for span in archive.held if span.timeline == before.timeline]
        if left and after.start <= place and any(span.end_lsn > left.end for span in gone):
            return (
                Sentence(
                    "what was committed on timeline {number} after {place} is no part of the present; "
                    "--timeline {number} leads there",
                    number=before.timeline,
                    place=lsn.text(left.end),
                ),
            )
    return ()


async def _finished(
    archive: Archive, target: Target, best: Candidate, limit: int | None, notes: Sequence[Sentence]
) -> Choice:
    stop = Stop("consistent", best.end) if limit is None else Stop("end", limit)
    place = best.consistent if limit is None else limit
    last = await locate.last_before(archive.reader, best.legs, place)
    legs = tuple(replace(leg, end=min(leg.end, place)) for leg in best.legs if leg.start < place)
    return Choice(
        target,
        best.chain,
        legs[-1].timeline,
        legs,
        stop,
        last.at if last else None,
        lsn.text(place),
        best.legs,
        await archive.reachable(),
        (*archive.notes, *notes),
        last.lsn if last else None,
    )


async def _unreachable(archive: Archive, target: Target, zone: str) -> str:
    reachable = await archive.reachable()
    told = {
        "time": both(target.at or 0.0, zone),
        "lsn": target.name,
        "point": f"restore point {target.name}",
    }.get(target.kind, target.kind)
    near = ""
    if target.kind == "time" and target.at is not None:
        if target.at < reachable.first:
            near = f"; the nearest is the end of backup {archive.candidates[-1].backup.id}"
        elif reachable.last is not None and target.at > reachable.last:
            near = "; nobody knows what was committed after that: --latest goes to the end of the WAL"
    elif target.kind == "point":
        near = await _points_there(archive)
    return f"{told} cannot be reached. Reachable is {reachable.text(zone)}{near}"


async def _points_there(archive: Archive) -> str:
    reach = min(archive.groups[0], key=lambda each: each.consistent)
    found = await locate.points(archive.reader, reach.legs, re.compile("."))
    usable = [each.name for each in found if each.lsn >= reach.consistent]
    return f"; restore points are {', '.join(usable[-5:])}" if usable else "; there are no restore points"


async def _before_migration(
    archive: Archive, target: Target, url: str | None
) -> tuple[Target, tuple[Sentence, ...]]:
    """The restore point that was made before a migration."""
    name = await made_before(url, target.name) if url else None
    if name is None:
        found: list[Point] = []
        for group in archive.groups:
            reach = min(group, key=lambda each: each.consistent)
            found = await locate.points(archive.reader, reach.legs, re.compile(r"^nexus-"))
            found = [each for each in found if matching(each.name, target.name)]
            if found:
                break
        if not found:
            raise Unreachable(
                f"there is no restore point before a migration {target.name} in the WAL that is kept; "
                "`nexus migrate status` tells their names"
            )
        name = found[-1].name
    if name == "":
        raise RecoveryFailed(f"migration {target.name} was applied without a restore point; use --at")
    return replace(target, kind="point", name=name), (Sentence("restore point {name}", name=name),)
