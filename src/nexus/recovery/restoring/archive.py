"""What a repository holds that leads somewhere: backups, what they build on, and the WAL after them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery import layout, lsn
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.server import BINARIES
from nexus.recovery.errors import Damaged, Missing, Unreachable, WrongKey, WrongVersion
from nexus.recovery.repository import Repository
from nexus.recovery.restoring import locate
from nexus.recovery.restoring.choice import Reachable
from nexus.recovery.restoring.present import lived_last, told
from nexus.recovery.restoring.records import Reader
from nexus.recovery.restoring.target import Known, Target
from nexus.recovery.restoring.timelines import Leg, ancestors, follow, life
from nexus.recovery.streaming.coverage import Span, spans
from nexus.recovery.streaming.holdings import Holdings

MAJOR = 10_000  # server_version_num is 180001 for 18.1


@dataclass(frozen=True)
class Candidate:
    """A backup with those it builds on, and the WAL that is there from its beginning on."""

    chain: tuple[BackupManifest, ...]
    legs: tuple[Leg, ...]

    @property
    def backup(self) -> BackupManifest:
        return self.chain[-1]

    @property
    def consistent(self) -> int:
        """From where on it can be used."""
        return lsn.parse(self.backup.end_lsn)

    @property
    def end(self) -> int:
        """How far it leads."""
        return self.legs[-1].end


@dataclass(frozen=True)
class Archive:
    """What a repository holds for one timeline. `known`: until when (seconds since the epoch) all that was
    committed is in it. `candidates` by what they lead to, the furthest first, then the newest first.
    """

    reader: Reader
    timeline: int
    lived: tuple[Leg, ...]
    held: tuple[Span, ...]
    candidates: tuple[Candidate, ...]
    known: float
    notes: tuple[Sentence, ...] = ()

    @property
    def groups(self) -> tuple[tuple[Candidate, ...], ...]:
        """Candidates that lead equally far."""
        ends = dict.fromkeys(each.end for each in self.candidates)
        return tuple(tuple(each for each in self.candidates if each.end == end) for end in ends)

    async def reachable(self) -> Reachable:
        """Between which moments and places everything can be reached."""
        oldest = min(self.candidates, key=lambda each: each.consistent)
        furthest = self.candidates[0]
        last = await locate.last_before(self.reader, furthest.legs, furthest.end)
        ends = sorted({each.end for each in self.candidates})[:-1]
        return Reachable(
            oldest.backup.ended,
            None if last is None else max(last.at, self.known),
            oldest.consistent,
            furthest.end,
            tuple(f"WAL is missing after {lsn.text(end)}" for end in ends),
        )


async def read_archive(
    repository: Repository, target: Target, known: Known | None = None, zone: str = "UTC"
) -> Archive:
    """What a repository holds that may lead to a target. Raises as `choose` does."""
    backups, unread = await _backups(repository)
    listing = await repository.listing(layout.WAL)
    unread += "".join(f"; {fault}" for fault in listing.silent.values())
    if not backups:
        places = ", ".join(place.name for place in repository.places)
        raise Unreachable(
            f"there is no whole backup in {places}; make one with `nexus backup create`" + unread
        )
    system = backups[-1].system
    own = {each.id: each for each in backups if each.system == system}
    size = backups[-1].segment
    reader = Reader(repository, size, system)
    held = Holdings.of(entry.key for entry in listing.entries)
    histories, faults = await _histories(repository, held)
    unread += faults
    there = spans(held, size)
    timelines = (
        {each.timeline for each in there} | histories.keys() | {each.timeline for each in own.values()}
    )
    wanted = target.name if target.kind == "backup" else target.backup
    if wanted and wanted not in own:
        raise Unreachable(f"there is no whole backup {wanted}; there are {', '.join(own)}" + unread)
    notes: tuple[Sentence, ...] = (
        (Sentence("not all backups can be read: {why}", why=unread.strip("; ")),) if unread else ()
    )
    if target.kind == "backup":  # also one of a timeline that was left
        timeline = own[wanted].timeline
    elif target.timeline:
        timeline = target.timeline
    elif len(timelines) == 1:
        timeline = max(timelines)
    else:
        lived_on = await lived_last(reader, sorted(timelines), histories, there, own.values())
        timeline = lived_on[0].timeline if lived_on else max(timelines)
        notes += told(lived_on, zone)
    if timeline not in timelines:
        raise Unreachable(
            f"there is no timeline {timeline}; there are {', '.join(map(str, sorted(timelines)))}, which "
            "--timeline NUMBER names"
        )
    lived = life(timeline, histories)
    found = [_candidate(own, each, lived, there, size) for each in own.values() if wanted in ("", each.id)]
    candidates = sorted(
        (each for each in found if each is not None), key=lambda each: (-each.end, -each.consistent)
    )
    if not candidates:
        raise Unreachable(_unusable(own, wanted, there) + unread)
    major = candidates[0].backup.version // MAJOR
    if major != BINARIES:
        raise WrongVersion(
            f"backup {candidates[0].backup.id} is of PostgreSQL {major}, and this Nexus brings {BINARIES}; "
            f"restore it with the Nexus of its time, {candidates[0].backup.nexus or f'one with {major}'}"
        )
    until, behind = _until(known, timeline, candidates[0], [place.name for place in repository.places])
    return Archive(reader, timeline, lived, there, tuple(candidates), until, (*notes, *behind))


def _until(
    known: Known | None, timeline: int, furthest: Candidate, places: Sequence[str]
) -> tuple[float, tuple[Sentence, ...]]:
    """Until when all that was committed is held, and how far the places are behind. The time of files tells
    nothing: a copy of them is as new as it likes.
    """
    if known is None or known.timeline != timeline:
        return 0.0, ()
    lacks = known.lsn - furthest.end
    if lacks <= 0:
        return known.at, ()
    return 0.0, (
        Sentence(
            "{places}: behind the living database by {mb} MB of WAL; what was committed last is not there",
            places=", ".join(places),
            mb=f"{lacks / 1e6:.1f}",
        ),
    )


async def _backups(repository: Repository) -> tuple[list[BackupManifest], str]:
    """The backups that can be read, oldest first; and what is wrong with the others. Those that were made
    before a recovery kit are not opened by its key.

    Raises:
        WrongKey: the key opens none.
    """
    found: list[BackupManifest] = []
    faults, wrong = "", None
    for name in await repository.ids():
        try:
            found.append(await repository.backup(name))
        except (Damaged, Missing, WrongKey) as fault:
            wrong = fault if isinstance(fault, WrongKey) else wrong
            faults += f"; {name}: {fault}"
    if wrong is not None and not found:
        raise wrong
    return found, faults


async def _histories(
    repository: Repository, held: Holdings
) -> tuple[Mapping[int, tuple[tuple[int, int], ...]], str]:
    """The histories of timelines that can be read, and what is wrong with the others."""
    names = sorted(held.histories)
    texts = await asyncio.gather(*(_history(repository, each) for each in names))
    found = {each: text for each, text in zip(names, texts, strict=True) if not isinstance(text, str)}
    return found, "".join(f"; {text}" for text in texts if isinstance(text, str))


async def _history(repository: Repository, timeline: int) -> tuple[tuple[int, int], ...] | str:
    try:
        return ancestors(await repository.read(layout.history(timeline)))
    except (Damaged, Missing, WrongKey) as fault:
        return f"history of timeline {timeline}: {fault}"


def _candidate(
    own: Mapping[str, BackupManifest],
    backup: BackupManifest,
    lived: Sequence[Leg],
    there: Sequence[Span],
    size: int,
) -> Candidate | None:
    """A backup that lies on a timeline's life, whole with those it builds on and the WAL it needs."""
    chain = [backup]
    while chain[0].parent is not None:
        parent = own.get(chain[0].parent)
        if parent is None:
            return None
        chain.insert(0, parent)
    start, end = lsn.parse(backup.start_lsn), lsn.parse(backup.end_lsn)
    of = [leg for leg in lived if leg.timeline == backup.timeline and leg.start <= start and end <= leg.end]
    legs = follow(lived, there, backup.timeline, start, size) if of else ()
    if not legs or legs[-1].end < end:
        return None
    return Candidate(tuple(chain), legs)


def _unusable(own: Mapping[str, BackupManifest], wanted: str, there: Sequence[Span]) -> str:
    held = "; ".join(map(str, there)) or "none at all"
    if wanted:
        backup = own[wanted]
        parent = f", and backup {backup.parent}" if backup.parent else ""
        wal = f"the WAL from {backup.start_lsn} to {backup.end_lsn} of timeline {backup.timeline}"
        return f"backup {wanted} cannot be used: it needs {wal}{parent}; there is {held}"
    return f"none of {len(own)} backups can be used: the WAL that they need is missing; there is {held}"
