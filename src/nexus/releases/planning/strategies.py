"""The steps by which one service changes to another release, each strategy its own."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from nexus.releases.facts import CandidateFacts, MigrationFacts, RolloutFacts
from nexus.releases.planning.chain import Chain
from nexus.releases.planning.manner import Manner
from nexus.releases.planning.migrating import Run, at_once, before_release
from nexus.releases.planning.request import RolloutRequest
from nexus.releases.planning.words import instances, label, migrations, seconds
from nexus.releases.release import Release
from nexus.stack import Service

NO_WAY_BACK = "; nobody can go back across it"
STEPS = (5, 25, 100)  # of a canary whose manifest tells none: a single step would compare nothing


@dataclass(frozen=True)
class Change:
    """One service on its way: `service` as the new release has it, `cause` in words."""

    service: Service
    new: Release
    manner: Manner
    cause: str
    facts: RolloutFacts
    request: RolloutRequest

    @property
    def at_once(self) -> bool:
        """Whether its contract migrations are applied with the others: nothing older runs then, or the
        operator wants it so.
        """
        return at_once(self.facts, self.new, self.manner == "recreate", self.request.forced)

    @property
    def before(self) -> tuple[MigrationFacts, ...]:
        """The migrations that are applied before the new release runs."""
        return self.facts.pending_of(self.new) if self.at_once else before_release(self.facts, self.new)

    @property
    def afterwards(self) -> tuple[MigrationFacts, ...]:
        """The migrations that are applied when nothing older runs any more."""
        before = self.before
        return tuple(each for each in self.facts.pending_of(self.new) if each not in before)

    @property
    def full(self) -> int:
        """How many instances serve all requests."""
        old = self.facts.stable[self.service.name]
        return max(self.service.scale.min, self.facts.ready_of(old))

    @property
    def weight(self) -> int:
        """The share of requests that the new release has already, in percent."""
        candidate = self.candidate
        return candidate.weight if candidate else 0

    @property
    def candidate(self) -> CandidateFacts | None:
        """What of the new release runs already, beside the stable one."""
        found = self.facts.candidates.get(self.service.name)
        return found if found and found.release.id == self.new.id else None

    @property
    def bake(self) -> float:
        """How long it is watched, in seconds."""
        return self.service.rollout.bake if self.request.bake is None else self.request.bake


def let_in(change: Change, chain: Chain, runs: Sequence[Run] = ()) -> None:
    """Add the steps from what is to all requests on the new release. `runs`: what must be migrated first and
    is not in the plan yet, its own last.
    """
    _prepare(change, chain, runs)
    if change.manner == "canary":
        _canary(change, chain)
    elif change.manner == "blue-green":
        _blue_green(change, chain)
    else:
        _at_once(change, chain)
    finish(change, chain)


def finish(change: Change, chain: Chain) -> None:
    """Add what is done when the new release has all requests."""
    _hook(change, chain, "after")


def _prepare(change: Change, chain: Chain, runs: Sequence[Run]) -> None:
    name, new, facts = change.service.name, change.new, change.facts
    other = facts.candidates.get(name)
    if other is not None and change.candidate is None:
        text = f"{label(other.release)} was being let in, and another release is wanted now"
        chain.add("abandon", name, text, "take its requests away, drain and stop it")
    if change.manner == "recreate" and facts.contracts_pending(new):
        _stop(change, chain)
    for run in runs:
        _migrate(change, chain, run)
    if change.candidate is None:
        _hook(change, chain, "before")


def _migrate(change: Change, chain: Chain, run: Run) -> None:
    new = change.request.targets[run.service]
    cause = f"{label(new)} needs a newer schema"
    if run.service != change.service.name:
        cause = f"what {change.service.name} {label(change.new)} needs of the schema comes after it"
    contract = NO_WAY_BACK if any(each.phase == "contract" for each in run.migrations) else ""
    does = f"apply {migrations(run.migrations)}{contract}"
    chain.add("migrate", run.service, cause, does, id=run.step, release=new.id, names=run.names)


def contract(change: Change, chain: Chain) -> None:
    """Add the step that takes away what only the former release needed."""
    name, new = change.service.name, change.new
    does = f"apply {migrations(change.afterwards)}{NO_WAY_BACK}; nothing older runs any more"
    names = Run(name, change.afterwards).names
    chain.add("contract", name, f"{label(new)} is fully out", does, release=new.id, names=names)


def _stop(change: Change, chain: Chain) -> None:
    """The former release is away before what it needs is taken from it."""
    name, former = change.service.name, change.facts.stable[change.service.name]
    does = f"drain and stop {label(former)}, which cannot run on the newer schema: it is away from now on"
    chain.add("stop", name, change.cause, does, drain=seconds(change.service.rollout.drain))


def _canary(change: Change, chain: Chain) -> None:
    rollout, request = change.service.rollout, change.request
    hold = rollout.hold if request.hold is None else request.hold
    admitted = 0
    for weight in request.steps or (rollout.steps if len(rollout.steps) > 1 else STEPS):
        if weight < change.weight:
            continue
        count = max(1, math.ceil(change.full * weight / 100))
        if count > admitted:
            _admit(change, chain, count)
            admitted = count
        _shift(change, chain, weight)
        if weight < 100:
            chain.add(
                "judge",
                change.service.name,
                change.cause,
                f"compare both releases for {seconds(hold)} s, for {seconds(rollout.patience)} s at most",
                id=f"judge {change.service.name} {weight}",
                weight=str(weight),
                hold=seconds(hold),
                patience=seconds(rollout.patience),
            )
    _promote(change, chain)


def _blue_green(change: Change, chain: Chain) -> None:
    _admit(change, chain, change.full)
    _shift(change, chain, 100)
    if change.bake:
        watch(chain, (change.service.name,), change.bake, "the former release stays warm meanwhile")
    _promote(change, chain)


def _at_once(change: Change, chain: Chain) -> None:
    name, new = change.service.name, change.new
    does = {
        "rolling": f"replace its instances one by one by {label(new)}, the new beside the old",
        "recreate": f"stop its instances, then start {label(new)}: it is away meanwhile",
        "upgrade": f"change over to {label(new)} with the shortest gap",
    }[change.manner]
    action = "replace" if change.manner == "rolling" else change.manner
    for_good = change.at_once
    undo = "" if for_good else "bring the former release back"
    chain.add(action, name, change.cause, does, undo, release=new.id)


def _admit(change: Change, chain: Chain, count: int) -> None:
    name, new = change.service.name, change.new
    if change.candidate and min(change.candidate.count, change.candidate.ready) >= count:
        return
    settle = change.service.rollout.settle
    chain.add(
        "admit",
        name,
        change.cause,
        f"start {instances(count)} of {label(new)} beside the stable ones, ready for {seconds(settle)} s",
        "abandon it",
        id=f"admit {name} {count}",
        release=new.id,
        count=str(count),
    )


def _shift(change: Change, chain: Chain, weight: int) -> None:
    name = change.service.name
    does = f"give {label(change.new)} {weight} % of the requests"
    chain.add(
        "shift", name, change.cause, does, "give it none", id=f"shift {name} {weight}", weight=str(weight)
    )


def _promote(change: Change, chain: Chain) -> None:
    drain = seconds(change.service.rollout.drain)
    does = f"make {label(change.new)} the stable release; the former drains for {drain} s at most and stops"
    name = change.service.name
    chain.add("promote", name, change.cause, does, "bring the former release back", release=change.new.id)


def _hook(change: Change, chain: Chain, which: str) -> None:
    hooks = change.service.rollout.hooks
    command = hooks.before if which == "before" else hooks.after
    step = f"hook {which} {change.service.name}"
    if command and step not in change.facts.done:
        does = f"run `{shlex.join(command)}` once, as a task of {label(change.new)}"
        chain.add("hook", change.service.name, change.cause, does, id=step, release=change.new.id, hook=which)


def watch(chain: Chain, names: tuple[str, ...], bake: float, meanwhile: str) -> None:
    """Add the watch over services that have all requests."""
    chain.add(
        "watch",
        ", ".join(names),
        f"{'it has' if len(names) == 1 else 'they have'} all requests",
        f"compare with the time before for {seconds(bake)} s; {meanwhile}",
        seconds=seconds(bake),
        services=",".join(names),
    )
