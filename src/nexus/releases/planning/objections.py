"""What stands in the way of a deploy, and which objections its operator set aside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from nexus.releases.errors import (
    ArtefactGone,
    ContractBroken,
    Frozen,
    MigrationWaits,
    NotReversible,
    NotUpgradable,
    ReleaseError,
    UnknownModule,
)
from nexus.releases.facts import MigrationFacts, RolloutFacts
from nexus.releases.freeze import frozen
from nexus.releases.planning.manner import choose
from nexus.releases.planning.migrating import at_once, before_release, buried, holds_back, lacking, unmet
from nexus.releases.planning.order import turns
from nexus.releases.planning.request import RolloutRequest
from nexus.releases.planning.words import abridged, change, label
from nexus.releases.release import Release
from nexus.stack import Stack
from nexus.stack.errors import suggest

_MAJOR = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Objection:
    """One rule that a deploy breaks. `waiver`: the option that sets it aside ("" = none does). `mend`: what
    can be done instead.
    """

    error: type[ReleaseError]
    sentence: str
    mend: str
    waiver: Literal["", "force", "override"] = ""

    @property
    def text(self) -> str:
        """What is wrong and what can be done."""
        return f"{self.sentence}; {self.mend}"


def unknown(stack: Stack, facts: RolloutFacts, request: RolloutRequest) -> None:
    """Raise UnknownModule when a service is not part of the stack, or was never released."""
    for name in request.targets:
        if not stack.has(name):
            state = "is off" if name in stack.off else "is not part of this stack"
            known = [service.name for service in stack.services]
            raise UnknownModule(f"{name} {state}; {suggest(name, known)}")
        if name not in facts.stable:
            raise UnknownModule(f"{name} has no release that runs yet; `nexus up` makes and starts its first")


def objections(stack: Stack, facts: RolloutFacts, request: RolloutRequest) -> tuple[Objection, ...]:
    """Every objection to what would really change, whether it is set aside or not."""
    moves = moving(facts, request)
    if not moves:
        return ()
    return (
        *_gone(facts, moves),
        *_infrastructure(stack, facts, moves),
        *_contracts(stack, facts, moves),
        *_schemas(stack, facts, request, moves),
        *_stuck(stack, facts, request, moves),
        *_migrations(stack, facts, request, moves),
        *_rehearsed(stack, facts, request, moves),
        *_order(stack, facts, moves),
        *_freezes(stack, facts, moves),
    )


def waived(objection: Objection, request: RolloutRequest) -> bool:
    """Whether the operator set an objection aside."""
    return (objection.waiver == "force" and (request.forced or request.under_way)) or (
        objection.waiver == "override" and bool(request.override)
    )


def moving(facts: RolloutFacts, request: RolloutRequest) -> dict[str, Release]:
    """Service → the release it is to change to; without those that have it already."""
    return {
        name: release
        for name, release in request.targets.items()
        if name not in facts.stable or facts.stable[name].id != release.id
    }


def _gone(facts: RolloutFacts, moves: Mapping[str, Release]) -> Iterator[Objection]:
    for release in moves.values():
        why = facts.gone.get((release.service, release.id))
        if why:
            yield Objection(
                ArtefactGone,
                f"{release.title} cannot run: {why}",
                f"make it again with `nexus release build {release.service}`, or deploy another release",
            )


def _infrastructure(stack: Stack, facts: RolloutFacts, moves: Mapping[str, Release]) -> Iterator[Objection]:
    for name, release in moves.items():
        service = stack.service(name)
        if service.kind == "database":
            yield Objection(
                NotUpgradable,
                f"{name} holds data that a deploy cannot take back, and every module waits while it is away",
                "change it in a maintenance window with a backup at hand: see docs/releases.md",
            )
        old, new = _major(facts.stable[name]), _major(release)
        if service.runtime == "valkey" and old and new and old != new:
            yield Objection(
                NotUpgradable,
                f"{name} {old} → {new} is another major version, whose files the other may not read",
                f"deploy a minor version of {old}",
            )


def _contracts(stack: Stack, facts: RolloutFacts, moves: Mapping[str, Release]) -> Iterator[Objection]:
    """What would run side by side at the end and does not fit, and did not do so before."""
    now = {name: release.id for name, release in facts.stable.items() if stack.has(name)}
    end = now | {name: release.id for name, release in moves.items()}
    for pair, sentences in sorted(facts.misfits.items()):
        if pair.runs_in(end) and not pair.runs_in(now):
            mover = pair.provider if pair.provider in moves else pair.consumer
            other = pair.consumer if mover == pair.provider else pair.provider
            yield Objection(
                ContractBroken,
                f"{change(facts.stable[mover], moves[mover])} breaks {pair.consumer}, which runs beside it: "
                + abridged(sentences),
                f"deploy a release of {other} that fits with it, or --force",
                "force",
            )


def _behind(it: str, former: str, needed: MigrationFacts, held: MigrationFacts, why: str) -> Objection:
    told = f"{it} needs migration {needed.name}, which stands behind {held.name}, a contract ({held.why})"
    if why:
        return Objection(MigrationWaits, f"{told} that must wait: {why}", "deploy what it waits for first")
    mend = "put it before the contract, or make two releases of it: deploy first one without the contract"
    return Objection(NotReversible, f"{told}, and {former} still runs while it is applied", mend, "force")


def _schemas(
    stack: Stack, facts: RolloutFacts, request: RolloutRequest, moves: Mapping[str, Release]
) -> Iterator[Objection]:
    """What the new release needs of its schema behind what its predecessor cannot run after; and what the
    schema has lost that it needs.
    """
    for name, release in moves.items():
        held = None if _stops(stack, facts, request, name) else holds_back(facts, release)
        behind = buried(facts, release)
        if held and behind:
            it, former = f"{name}: {label(release)}", label(facts.stable[name])
            yield _behind(it, former, behind[0], *held)
        for migration in facts.contracts_beyond(release):
            yield Objection(
                NotReversible,
                f"{name}: migration {migration.name} is applied, a contract ({migration.why}), and "
                f"{label(release)} does not know it",
                "deploy a release that does (roll forward), or restore a backup from before it",
                "force",
            )


def _migrations(
    stack: Stack, facts: RolloutFacts, request: RolloutRequest, moves: Mapping[str, Release]
) -> Iterator[Objection]:
    """What must be there before the migrations that come before a release, and is not."""
    first = {name: _first(stack, facts, request, release) for name, release in moves.items()}
    whole = {f"{name}/{each.name}" for name, release in moves.items() for each in facts.pending_of(release)}
    for name, migration, needed in lacking(first, facts.applied):
        module, _, other = needed.partition("/")
        beside = other in {each.name for each in first.get(module, ())}
        mend = f"deploy a release of {module} that brings it, before or along with this one"
        if needed in whole:
            mend = f"this deploy applies it only after {module} was watched; deploy {module} by itself first"
        yield Objection(
            MigrationWaits,
            f"{name}: migration {migration} depends on {needed}, which "
            + ("depends on it in turn" if beside else "is not applied"),
            "take one of the two dependencies out" if beside else mend,
        )
    for name, those in first.items():
        alone = {name: moves[name]} if _stops(stack, facts, request, name) else {}
        versions = facts.versions(alone)
        for each in those:
            if why := unmet(each.after, versions):
                yield Objection(
                    MigrationWaits,
                    f"{name}: migration {each.name} cannot be applied yet: {why}",
                    "deploy that release first",
                )


def _stuck(
    stack: Stack, facts: RolloutFacts, request: RolloutRequest, moves: Mapping[str, Release]
) -> Iterator[Objection]:
    """What failed stands in the way of what comes before a release; where nothing does, it does not."""
    for name, release in moves.items():
        why = facts.stuck.get((name, release.id), "")
        if why and _first(stack, facts, request, release):
            sentence, _, mend = why.partition("; ")
            yield Objection(MigrationWaits, sentence, mend)


def _stops(stack: Stack, facts: RolloutFacts, request: RolloutRequest, name: str) -> bool:
    """Whether the former release of a service stops before its migrations are applied."""
    return choose(stack.service(name), facts, request.strategy).manner == "recreate"


def _first(
    stack: Stack, facts: RolloutFacts, request: RolloutRequest, release: Release
) -> tuple[MigrationFacts, ...]:
    """What is applied before a release runs."""
    stops = _stops(stack, facts, request, release.service)
    whole = at_once(facts, release, stops, request.forced)
    return facts.pending_of(release) if whole else before_release(facts, release)


def _rehearsed(
    stack: Stack, facts: RolloutFacts, request: RolloutRequest, moves: Mapping[str, Release]
) -> Iterator[Objection]:
    """What is applied to a production database was rehearsed not long ago."""
    first = [each for release in moves.values() for each in _first(stack, facts, request, release)]
    pending = [each.name for each in first]
    contracts = any(each.phase == "contract" for each in first)
    within, then = facts.rehearse_within, facts.contracts_rehearsed_at if contracts else facts.rehearsed_at
    if within is None or not pending or facts.is_fresh(then):
        return
    when = "was never rehearsed" if then is None else f"was rehearsed {(facts.at - then) / 3600:.1f} h ago"
    yield Objection(
        MigrationWaits,
        f"what is pending ({abridged(pending)}) {when}, and this stack asks for a rehearsal within "
        f"{within / 3600:g} h",
        '`nexus migrate rehearse`, or give a reason with --override "reason"',
        "override",
    )


def _order(stack: Stack, facts: RolloutFacts, moves: Mapping[str, Release]) -> Iterator[Objection]:
    clash = turns(stack, facts, {name: release.id for name, release in moves.items()}).clash
    if clash:
        yield Objection(
            ContractBroken,
            clash,
            "deploy first a release of the provider that serves both, or --force",
            "force",
        )


def _freezes(stack: Stack, facts: RolloutFacts, moves: Mapping[str, Release]) -> Iterator[Objection]:
    """What was begun before a freeze may be brought to its end."""
    begun = facts.unfinished.after if facts.unfinished else {}
    for hold in frozen(stack, (name for name in moves if name not in begun), facts.at):
        yield Objection(Frozen, hold.sentence, 'wait, or give a reason with --override "reason"', "override")


def _major(release: Release) -> str:
    """The major version of infrastructure, by its image's tag or its own version; "" where neither tells."""
    tag = release.image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = _MAJOR.match(tag) or _MAJOR.match(release.version)
    return found[1] if found else ""
