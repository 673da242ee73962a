"""What must go back along with a service, until all that then runs together fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus.releases.facts import RolloutFacts
from nexus.releases.planning.words import abridged, label
from nexus.releases.release import Release
from nexus.releases.scoping.history import brought, formers, ran_well
from nexus.releases.scoping.member import Member
from nexus.stack import Stack


class Stuck(Exception):
    """No former releases fit together; the text says which do not."""


def close(stack: Stack, facts: RolloutFacts, first: Member) -> tuple[Member, ...]:
    """The first member, and those that must go with it, in the order in which they were found.

    Raises:
        Stuck: something does not fit whatever earlier release of it is taken.
    """
    members = {first.service: first}
    while True:
        found = next(_companions(stack, facts, members), None) or _misfit(stack, facts, members)
        if found is None:
            return tuple(members.values())
        members[found.service] = found


def _companions(stack: Stack, facts: RolloutFacts, members: Mapping[str, Member]) -> Iterator[Member]:
    """What came in the same deployment as a member and has to do with it."""
    for member in members.values():
        deployment = brought(facts, member.service)
        if deployment is None:
            continue
        for name in deployment.services:
            before = facts.known(name, deployment.before.get(name, ""))
            if name in members or not stack.has(name) or before is None:
                continue
            tie = _tie(stack, member.service, name)
            if tie and brought(facts, name) is deployment:
                why = f"came with {member.service} in deployment {deployment.id}, and {tie}"
                yield Member(name, facts.stable[name], before, why)


def _misfit(stack: Stack, facts: RolloutFacts, members: Mapping[str, Member]) -> Member | None:
    """The first service that does not fit with what goes back."""
    now = {name: release.id for name, release in facts.stable.items() if stack.has(name)}
    then = now | {name: member.to.id for name, member in members.items()}
    for pair, sentences in sorted(facts.misfits.items()):
        if not pair.runs_in(then) or pair.runs_in(now) or ran_well(facts, pair):
            continue
        staying = [name for name in (pair.consumer, pair.provider) if name not in members]
        if not staying:
            raise Stuck(
                f"{pair.consumer} and {pair.provider} do not fit in their former releases: {sentences[0]}"
            )
        name = staying[0]
        target = _fitting(facts, name, then, members)
        if target is None:
            raise Stuck(f"no earlier release of {name} fits: {sentences[0]}")
        other = pair.provider if name == pair.consumer else pair.consumer
        why = f"does not fit with {other} {label(members[other].to)}: {abridged(sentences)}"
        return Member(name, facts.stable[name], target, why)
    return None


def _fitting(
    facts: RolloutFacts, name: str, then: Mapping[str, str], members: Mapping[str, Member]
) -> Release | None:
    """The newest earlier release of a service that fits with all that then runs; or else with what goes back
    for sure, so that the rest must follow.
    """
    earlier = list(formers(facts, name))
    for among in (then, {other: member.to.id for other, member in members.items()}):
        for release in earlier:
            trial = {**among, name: release.id}
            if not any(pair.runs_in(trial) and not ran_well(facts, pair) for pair in facts.misfits):
                return release
    return None


def _tie(stack: Stack, one: str, other: str) -> str:
    """What two services have to do with each other ("" = nothing)."""
    for consumer, provider in ((one, other), (other, one)):
        service = stack.service(consumer)
        if provider in (*service.needs.hard, *service.needs.soft):
            return f"{consumer} needs {provider}"
        if provider in service.events.consumes:
            return f"{consumer} hears what {provider} tells"
    return ""
