"""The plan that lets releases in: one plan, one service after another."""

from __future__ import annotations

from collections.abc import Mapping

from nexus.plans import Plan, Step
from nexus.releases.facts import RolloutFacts
from nexus.releases.freeze import coming
from nexus.releases.planning.chain import Chain
from nexus.releases.planning.contracting import contract_last
from nexus.releases.planning.manner import choose
from nexus.releases.planning.migrating import needed_runs, runs
from nexus.releases.planning.objections import moving, objections, unknown, waived
from nexus.releases.planning.order import by_need, turns
from nexus.releases.planning.request import RolloutRequest
from nexus.releases.planning.strategies import Change, finish, let_in, watch
from nexus.releases.planning.words import change, label
from nexus.releases.release import Release
from nexus.stack import Stack

FORECAST_S = 86_400.0


def plan_deploy(stack: Stack, facts: RolloutFacts, request: RolloutRequest) -> Plan:
    """Steps from what is to the asked releases, stable and watched. Pure.

    `stack` is the stack as it will be: the asked services as their new releases have them. A deploy that was
    interrupted is planned from where it stands.

    Raises:
        ReleaseError: it is refused; says why, and what can be done instead.
    """
    unknown(stack, facts, request)
    found = objections(stack, facts, request)
    standing = [each for each in found if not waived(each, request)]
    if standing:
        raise standing[0].error("\n".join(each.text for each in standing))
    moves = moving(facts, request)
    order = turns(stack, facts, {name: release.id for name, release in moves.items()}).names
    changes = [_change(stack, facts, request, name) for name in order]
    kept = [name for name in by_need(stack, request.targets) if name not in moves]
    steps = [_build(each) for each in changes if not facts.is_built(each.new)]
    chain = Chain(tuple(step.id for step in steps))
    for name in kept:
        _complete(_change(stack, facts, request, name), chain)
    ordered = runs({each.service.name: each.before for each in changes})
    waiting = [*ordered]
    for each in changes:
        first = [run for run in needed_runs(each.service.name, ordered) if run in waiting]
        waiting = [run for run in waiting if run not in first]
        let_in(each, chain, first)
    _watch(chain, changes + [_change(stack, facts, request, name) for name in _resumed(facts, kept, request)])
    late = contract_last(facts, changes, [_change(stack, facts, request, name) for name in kept], chain)
    names = ", ".join(f"{name} {label(release)}" for name, release in request.targets.items())
    notes = (
        *(each.sentence + _waiver(each.waiver, request) for each in found),
        *(note for each in changes if (note := choose(each.service, facts, request.strategy).note)),
        *(f"{name} {label(facts.stable[name])} is the stable release already" for name in kept),
        *late,
        *(hold.forecast for hold in coming(stack, moves, facts.at, FORECAST_S)),
        *facts.notes,
    )
    return Plan(f"deploy {names}", (*steps, *chain.steps), notes)


def _change(stack: Stack, facts: RolloutFacts, request: RolloutRequest, name: str) -> Change:
    service, new = stack.service(name), request.targets[name]
    cause = f"{change(_former(facts, name), new)} (asked by {request.who})"
    return Change(service, new, choose(service, facts, request.strategy).manner, cause, facts, request)


def _former(facts: RolloutFacts, name: str) -> Release | None:
    """What a service changes from, or changed from where it has the new release already."""
    begun = facts.unfinished.before.get(name) if facts.unfinished else None
    former = facts.known(name, begun) if begun else None
    return former or facts.stable.get(name)


def _build(change: Change) -> Step:
    name, new = change.service.name, change.new
    does = f"make {new.title} ready to run here"
    return Step(f"build {name}", "build", name, change.cause, does, arguments={"release": new.id})


def _complete(change: Change, chain: Chain) -> None:
    """What is left of a service that has its new release already."""
    name, candidate = change.service.name, change.facts.candidates.get(change.service.name)
    if candidate is not None:
        text = f"{label(candidate.release)} was being let in, and {label(change.new)} is wanted"
        chain.add("abandon", name, text, "take its requests away, drain and stop it")
    if _resumed(change.facts, [name], change.request):
        finish(change, chain)


def _resumed(facts: RolloutFacts, kept: list[str], request: RolloutRequest) -> list[str]:
    """Those that got their new release in the deployment that is taken up again."""
    begun = facts.unfinished
    if begun is None:
        return []
    return [name for name in kept if _got(begun.before, begun.after, name, request.targets[name])]


def _got(before: Mapping[str, str], after: Mapping[str, str], name: str, release: Release) -> bool:
    return after.get(name) == release.id and before.get(name) != release.id


def _watch(chain: Chain, changes: list[Change]) -> None:
    """Add the watch; a blue-green service was watched before its former release went, and what a former
    control loop watched to the end is not watched again.
    """
    watched = [each for each in changes if each.manner != "blue-green" and each.bake]
    if watched:
        names = tuple(each.service.name for each in watched)
        if f"watch {', '.join(names)}" in watched[0].facts.done and not chain.steps:
            return
        watch(chain, names, max(each.bake for each in watched), "what gets worse goes back")


def _waiver(waiver: str, request: RolloutRequest) -> str:
    if waiver == "override":
        return f"; overridden by {request.who}: {request.override}"
    return f"; forced by {request.who}" if request.forced else "; it was under way already"
