"""Deleting what `recovery.keep` does not keep: backups, the WAL before them, artefacts that nobody names."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nexus.control.recovering.desk import Desk
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
    """One pruning: its plan, made from all that any place has, and the hands for it. `deleted`: bytes that
    are gone from the first place; `later`: files that a place does not let go yet.
    """

    desk: Desk
    plan: Plan
    entries: tuple[Entry, ...]
    deleted: int = 0
    later: int = 0
    _gone: set[str] = field(default_factory=set)

    @classmethod
    async def of(cls, desk: Desk, runs: Runs) -> Pruning:
        """Looks at what there is, and plans.

        Raises:
            RecoveryError: the places or the keys cannot be read.
            Refused: the stack is set apart.
        """
        desk.check_own()
        backups: list[BackupManifest] = []
        unread: list[str] = []
        async with desk.repository() as opened:
            repository = replace(opened, places=await _own(opened))
            entries = await repository.entries()
            for name in await repository.ids():
                try:
                    backups.append(await repository.backup(name))
                except RecoveryError as error:
                    log.error("recovery.backup-unreadable: %s: %s", name, error)
                    unread.append(name)
        keys = [each.key for each in entries]
        policy = desk.policy
        plan = plan_prune(
            desk.stack.name,
            backups,
            policy.keep,
            policy.schedule.zone,
            keys,
            proven(runs),
            unread,
            [run.backup for run in runs.verdicts() if run.state == "failed"],
        )
        return cls(desk, in_a_row(plan), entries)

    @property
    def digest(self) -> str:
        """Of what is deleted, for operators to agree to that and nothing else."""
        return hashlib.sha256(self.plan.json().encode()).hexdigest()[:16]

    def actions(self) -> dict[str, Action]:
        """Action name → what carries it out."""
        return {BACKUP: self.forget, WAL: self.forget, ARTEFACT: self.forget}

    async def forget(self, step: Step) -> None:
        """Deletes what a step means in every place, in the first one before the others.

        Raises:
            RecoveryFailed: a place could not be asked; the next pruning goes on.
        """
        keys = doomed(step, [each.key for each in self.entries])
        missed: list[str] = []
        async with self.desk.repository() as repository:
            for place in await _own(repository):
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
        self.deleted += sum(each.bytes for each in self.entries if each.key in gone)
        self._gone |= gone


async def _own(repository: Repository) -> tuple[Place, ...]:
    """The places that hold what the first one holds a copy of: another cluster's are not ours to prune."""
    system = await system_of(repository.first, repository.scratch)
    found = [repository.first]
    for place in repository.places[1:]:
        try:
            if await system_of(place, repository.scratch) in (None, system):
                found.append(place)
        except RecoveryError as error:
            log.warning("place %s is not pruned now: %s", place.name, error)
    return tuple(found)


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
