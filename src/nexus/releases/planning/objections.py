"""What stands in the way of a deploy, and which objections its operator set aside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from nexus.releases.errors import (
    ArtefactGone,
    ContractBroken,
    Frozen,
    NotUpgradable,
    UnknownModule,
)
from nexus.releases.facts import RolloutFacts
from nexus.releases.freeze import frozen
from nexus.releases.planning.objection import Objection
from nexus.releases.planning.on_schemas import migrations, rehearsed, schemas, stuck
from nexus.releases.planning.order import turns
from nexus.releases.planning.request import RolloutRequest
from nexus.releases.planning.words import abridged, change
from nexus.releases.release import Release
from nexus.stack import Stack
from nexus.stack.errors import suggest

_MAJOR = re.compile(r"(\d+)")


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
    """Every objection to what would really be done, whether it is set aside or not."""
    moves = moving(facts, request)
    if not moves:
        return tuple(stuck(stack, facts, request, moves))
    return (
        *_gone(facts, moves),
        *_infrastructure(stack, facts, moves),
        *_contracts(stack, facts, moves),
        *schemas(stack, facts, request, moves),
        *stuck(stack, facts, request, moves),
        *migrations(stack, facts, request, moves),
        *rehearsed(stack, facts, request, moves),
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
