"""The plans that lead back: of a deployment that did not go well, and of a rollback."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from nexus.plans import Plan, Step
from nexus.releases.errors import NotReversible, NoWayBack
from nexus.releases.facts import RolloutFacts
from nexus.releases.planning.chain import Chain
from nexus.releases.planning.manner import way_back
from nexus.releases.planning.order import by_need, turns
from nexus.releases.planning.strategies import watch
from nexus.releases.planning.words import change, label
from nexus.releases.release import Release
from nexus.releases.scoping.member import Member
from nexus.stack import Stack

if TYPE_CHECKING:  # which names what it finds by this room's words
    from nexus.releases.scope import Scope

FORWARD = "roll forward, or restore a backup from before it"


def plan_return(stack: Stack, facts: RolloutFacts, services: Iterable[str], cause: str) -> Plan:
    """The way back of the deployment `facts.unfinished`: what was let in leaves, what was promoted changes
    back, what was half replaced is made whole; nothing else is touched. Its notes say what does not get back
    to where it was. Pure.
    """
    names = [name for name in services if stack.has(name) and name in facts.stable]
    former, notes = _former(facts, names)
    order = turns(stack, facts, {n: r.id for n, r in former.items()}, back=True).names
    builds = _builds(former, facts, cause)
    chain = Chain(tuple(step.id for step in builds))
    for name in reversed(by_need(stack, names)):
        _leave(facts, name, cause, chain)
    for name in order:
        _change_back(stack, facts, former[name], cause, chain)
    staying = [name for name in reversed(by_need(stack, names)) if name not in former]
    for name in staying:
        if facts.contracts_beyond(facts.stable[name]):
            notes.append(_stranded(facts, name))
        elif _torn(stack, facts, name):
            _make_whole(stack, facts, name, cause, chain)
    return Plan(f"take back {', '.join(names)}", (*builds, *chain.steps), tuple(notes))


def plan_rollback(
    stack: Stack, facts: RolloutFacts, scope: Scope, who: str, bake: float | None = None
) -> Plan:
    """The members of a scope, each back to its former release, then watched. Pure.

    `bake` in seconds; None is as the manifests say.

    Raises:
        ReleaseError: the scope cannot be rolled back; says why, and what can be done instead.
    """
    if scope.blocked:
        error = NotReversible if scope.offers and scope.members else NoWayBack
        raise error("\n".join((*scope.blocked, *(f"instead: {offer}" for offer in scope.offers))))
    if not scope.members:
        return Plan("roll back nothing", notes=(scope.sentence,))
    to = {member.service: member.to for member in scope.members}
    why = {member.service: _why(member, who) for member in scope.members}
    ordered = turns(stack, facts, {name: release.id for name, release in to.items()}, back=True)
    builds = [_build(release, why[name]) for name, release in to.items() if not facts.is_built(release)]
    chain = Chain(tuple(step.id for step in builds))
    for name in ordered.names:
        _leave(facts, name, f"{name} is rolled back", chain)
        _change_back(stack, facts, to[name], why[name], chain)
    seconds = max(stack.service(name).rollout.bake for name in to) if bake is None else bake
    if seconds:
        watch(chain, ordered.names, seconds, "what gets worse is told")
    names = ", ".join(f"{name} to {label(release)}" for name, release in to.items())
    notes = (scope.sentence, *([ordered.clash] if ordered.clash else []), *facts.notes)
    return Plan(f"roll back {names}", (*builds, *chain.steps), notes)


def _former(facts: RolloutFacts, names: Iterable[str]) -> tuple[dict[str, Release], list[str]]:
    """Service → the release it had before this deployment promoted another; and what cannot go back."""
    before = facts.unfinished.before if facts.unfinished else {}
    found: dict[str, Release] = {}
    notes: list[str] = []
    for name in names:
        wanted = before.get(name, facts.stable[name].id)
        if wanted == facts.stable[name].id:
            continue
        release = facts.known(name, wanted)
        stays = f"{name} stays at {label(facts.stable[name])}"
        if release is None:
            notes.append(f"{stays}: its former release {wanted} is not known any more")
        elif crossed := facts.contracts_beyond(release):
            notes.append(
                f"{stays}: {label(release)} cannot run on its schema, for migration {crossed[0].name} is a "
                f"contract ({crossed[0].why}); {FORWARD}"
            )
        else:
            found[name] = release
    return found, notes


def _stranded(facts: RolloutFacts, name: str) -> str:
    """The stable release of a service whose schema has gone on without it."""
    release = facts.stable[name]
    crossed = facts.contracts_beyond(release)[0]
    is_so = "runs on" if facts.ready_of(release) else "is not started again on"
    return (
        f"{name} {label(release)} {is_so} a schema that it may not fit, for migration {crossed.name} is "
        f"applied, a contract ({crossed.why}); {FORWARD}"
    )


def _leave(facts: RolloutFacts, name: str, cause: str, chain: Chain) -> None:
    """What is being let in gets no more requests and goes."""
    candidate = facts.candidates.get(name)
    if candidate is None:
        return
    if candidate.weight:
        does = f"give {label(candidate.release)} no requests any more"
        chain.add("shift", name, cause, does, id=f"shift {name} 0", weight="0")
    chain.add("abandon", name, cause, f"drain and stop {label(candidate.release)}")


def _change_back(stack: Stack, facts: RolloutFacts, release: Release, cause: str, chain: Chain) -> None:
    name = release.service
    action = way_back(stack.service(name), facts)
    chain.add(action, name, cause, _does(action, release), release=release.id)


def _make_whole(stack: Stack, facts: RolloutFacts, name: str, cause: str, chain: Chain) -> None:
    """Instances of neither the stable release nor a candidate leave, and the stable ones are all there."""
    action = way_back(stack.service(name), facts)
    release = facts.stable[name]
    chain.add(action, name, cause, f"run {label(release)} and nothing else", release=release.id)


def _torn(stack: Stack, facts: RolloutFacts, name: str) -> bool:
    """Whether instances of yet another release run, or what stops before it starts is away."""
    stable, candidate = facts.stable[name], facts.candidates.get(name)
    mine = {stable.id, candidate.release.id if candidate else ""}
    there = (*facts.ready.get(name, {}).items(), *facts.living.get(name, {}).items())
    others = any(count for id, count in there if id not in mine)
    begun = facts.unfinished
    stops = (
        way_back(stack.service(name), facts) != "replace"
        or f"stop {name}" in facts.done
        or (begun is not None and begun.strategy == "recreate")
    )
    return others or (stops and not facts.ready_of(stable))


def _builds(former: Mapping[str, Release], facts: RolloutFacts, cause: str) -> list[Step]:
    return [_build(release, cause) for release in former.values() if not facts.is_built(release)]


def _build(release: Release, cause: str) -> Step:
    name, does = release.service, f"make {release.title} ready to run here"
    return Step(f"build {name}", "build", name, cause, does, arguments={"release": release.id})


def _why(member: Member, who: str) -> str:
    asked = f"asked by {who}"
    more = "" if member.why == asked else f": {member.why}"
    return f"{change(member.now, member.to)} ({asked}){more}"


def _does(action: str, release: Release) -> str:
    if action == "upgrade":
        return f"change back to {label(release)} with the shortest gap"
    if action == "recreate":
        return f"stop its instances, then start {label(release)}: it is away meanwhile"
    return f"replace its instances one by one by {label(release)}, the new beside the old"
