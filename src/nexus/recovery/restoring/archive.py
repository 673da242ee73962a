"""What a repository holds that leads somewhere: backups, what they build on, and the WAL after them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery import layout, lsn
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.server import BINARIES
from nexus.recovery.errors import Damaged, Missing, Unreachable, WrongVersion
from nexus.recovery.repository import Repository
from nexus.recovery.restoring import locate
from nexus.recovery.restoring.choice import Reachable
from nexus.recovery.restoring.records import Reader
from nexus.recovery.restoring.target import Target
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


async def read_archive(repository: Repository, target: Target, known: float | None = None) -> Archive:
    """What a repository holds that may lead to a target. Raises as `choose` does."""
    backups, unread = await _backups(repository)
    if not backups:
        places = ", ".join(place.name for place in repository.places)
        raise Unreachable(
            f"there is no whole backup in {places}; make one with `nexus backup create`" + unread
        )
    system = backups[-1].system
    own = {each.id: each for each in backups if each.system == system}
    size = backups[-1].segment
    entries = await repository.entries(layout.WAL)
    held = Holdings.of(entry.key for entry in entries)
    histories = await _histories(repository, held)
    there = spans(held, size)
    timelines = (
        {each.timeline for each in there} | histories.keys() | {each.timeline for each in own.values()}
    )
    timeline = target.timeline or max(timelines)
    if timeline not in timelines:
        raise Unreachable(
            f"there is no timeline {timeline}; there are {', '.join(map(str, sorted(timelines)))}"
        )
    lived = life(timeline, histories)
    wanted = target.name if target.kind == "backup" else target.backup
    if wanted and wanted not in own:
        raise Unreachable(f"there is no whole backup {wanted}; there are {', '.join(own)}" + unread)
    if wanted and target.kind == "backup":  # also one of a timeline that was left
        lived = life(own[wanted].timeline, histories)
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
    notes = (Sentence("not all backups can be read: {why}", why=unread.strip("; ")),) if unread else ()
    stored = max((entry.modified for entry in entries), default=0.0)
    reader = Reader(repository, size, system)
    age = stored if known is None else known
    return Archive(reader, timeline, lived, there, tuple(candidates), age, notes)


async def _backups(repository: Repository) -> tuple[list[BackupManifest], str]:
    """The backups that can be read, oldest first; and what is wrong with the others."""
    found: list[BackupManifest] = []
    faults = ""
    for name in await repository.ids():
        try:
            found.append(await repository.backup(name))
        except (Damaged, Missing) as fault:
            faults += f"; {name}: {fault}"
    return found, faults


async def _histories(repository: Repository, held: Holdings) -> Mapping[int, tuple[tuple[int, int], ...]]:
    texts = await asyncio.gather(*(repository.read(layout.history(each)) for each in held.histories))
    return {timeline: ancestors(text) for timeline, text in zip(held.histories, texts, strict=True)}


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
