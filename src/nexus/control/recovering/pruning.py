"""Deleting what `recovery.keep` does not keep: backups, the WAL before them, artefacts that nobody names."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nexus.control.recovering.desk import Desk
from nexus.control.recovering.looking import whole
from nexus.control.recovering.runs import Runs
from nexus.plans import Action, Plan, Step
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.retention import ARTEFACT, BACKUP, WAL, doomed, plan_prune
from nexus.recovery.errors import PlaceError, RecoveryError, RecoveryFailed
from nexus.recovery.places import Entry, Place
from nexus.recovery.places.forgetting import forget
from nexus.recovery.repository import Repository
from nexus.recovery.streaming.belonging import system_of

log = logging.getLogger("nexus.control")


@dataclass
class Pruning:
    """One pruning: its plan, made from what each place has, and the hands for it. `places`: place → what it
    has; `deleted`: bytes that are gone from the first place; `later`: files that a place does not let go yet.

    Whoever carries it out holds `nexus.recovery.backups.turn.pruning` from before it is made: no other
    changes what is needed, and nobody reads what goes.
    """

    desk: Desk
    plan: Plan
    places: Mapping[str, tuple[Entry, ...]]
    deleted: int = 0
    later: int = 0
    _gone: set[str] = field(default_factory=set)

    @classmethod
    async def of(cls, desk: Desk, runs: Runs) -> Pruning:
        """Looks at what there is, and plans.

        Raises:
            Refused: the stack is set apart: its places are another's.
            RecoveryError: the first place or the keys cannot be read.
        """
        desk.check_own()
        backups: list[BackupManifest] = []
        unread: list[str] = []
        async with desk.repository() as opened:
            places, away = await _listed(opened)
            repository = replace(opened, places=tuple(places))
            for name in sorted({each for found in places.values() for each in whole(found)}):
                try:
                    backups.append(await repository.backup(name))
                except RecoveryError as error:
                    log.error("recovery.backup-unreadable: %s: %s", name, error)
                    unread.append(name)
        policy = desk.policy
        plan = plan_prune(
            desk.stack.name,
            backups,
            policy.keep,
            policy.schedule.zone,
            {place.name: [each.key for each in found] for place, found in places.items()},
            proven(runs),
            unread,
            {run.backup for run in runs.verdicts() if run.state == "failed"},
        )
        notes = tuple(f"nothing is deleted there now: {why}" for why in away)
        return cls(
            desk,
            replace(in_a_row(plan), notes=(*plan.notes, *notes)),
            {place.name: found for place, found in places.items()},
        )

    @property
    def digest(self) -> str:
        """Of what is deleted, for operators to agree to that and nothing else."""
        return hashlib.sha256(self.plan.json().encode()).hexdigest()[:16]

    def actions(self) -> dict[str, Action]:
        """Action name → what carries it out."""
        return {BACKUP: self.forget, WAL: self.forget, ARTEFACT: self.forget}

    async def forget(self, step: Step) -> None:
        """Deletes what a step means where it means it, in the first place before the others.

        Raises:
            RecoveryFailed: a place could not be asked; the next pruning goes on.
        """
        missed: list[str] = []
        async with self.desk.repository() as repository:
            for place in repository.places:
                keys = doomed(step, place.name, [each.key for each in self.places.get(place.name, ())])
                if not keys:
                    continue
                try:
                    found = await forget(place, keys)
                except PlaceError as error:
                    missed.append(str(error))
                    if place is repository.first:
                        break
                    continue
                self.later += len(found.locked)
                if place is repository.first:
                    self._count(found.deleted)
        if missed:
            raise RecoveryFailed("; ".join(missed))

    def _count(self, deleted: Sequence[str]) -> None:
        gone = set(deleted) - self._gone
        first = next(iter(self.places.values()))
        self.deleted += sum(each.bytes for each in first if each.key in gone)
        self._gone |= gone


async def _listed(repository: Repository) -> tuple[dict[Place, tuple[Entry, ...]], tuple[str, ...]]:
    """What each place has, and why others are left alone. Another cluster's are not ours to prune.

    Raises:
        RecoveryError: the first one cannot be read.
    """
    found = {repository.first: await repository.first.entries()}
    away: list[str] = []
    system = await system_of(repository.first, repository.scratch)
    for place in repository.places[1:]:
        try:
            other = await system_of(place, repository.scratch)
            if other in (None, system):
                found[place] = await place.entries()
            else:
                away.append(f"place {place.name} holds backups of another database (system {other})")
        except RecoveryError as error:
            log.warning("place %s is not pruned now: %s", place.name, error)
            away.append(str(error))
    return found, tuple(away)


def in_a_row(plan: Plan) -> Plan:
    """The plan with each step after the one before it: what builds on a backup goes before that. Pure."""
    steps = plan.steps
    after = [(), *((step.id,) for step in steps[:-1])]
    row = [replace(step, after=before) for step, before in zip(steps, after, strict=False)]
    return replace(plan, steps=tuple(row))


def proven(runs: Runs) -> str | None:
    """The backup that was last restored and found good."""
    found = runs.latest("restore", "drill", state="done")
    return found[0].backup or None if found else None
