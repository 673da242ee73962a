"""What ran before: former releases, and sets of releases that were healthy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from nexus.releases.facts import Pair, RolloutFacts
from nexus.releases.records import Deployment, ReleaseSet
from nexus.releases.release import Release

EARLIER = 3  # as many earlier releases and sets are looked at


def formers(facts: RolloutFacts, service: str) -> Iterator[Release]:
    """The releases that were stable before the present one, newest first; without those that were given up
    because of themselves, or that ran in sick sets alone.
    """
    present = facts.stable[service].id
    seen = {present}
    for each in facts.sets:
        release = each.releases.get(service, present)
        known = facts.known(service, release)
        if release not in seen and known is not None and not _bad(facts, service, release):
            yield known
        seen.add(release)


def ways_back(facts: RolloutFacts) -> tuple[Release, ...]:
    """The releases that a rollback may lead to, whose artefacts must be read to plan it: of each service the
    newest earlier ones, and those of the newest healthy sets.
    """
    found = {(name, each.id): each for name in facts.stable for each in islice(formers(facts, name), EARLIER)}
    for healthy in islice((each for each in facts.sets if each.healthy), EARLIER):
        for name, id in healthy.releases.items():
            known = facts.known(name, id) if name in facts.stable else None
            if known is not None:
                found[name, id] = known
    return tuple(found.values())


def former(facts: RolloutFacts, service: str) -> Release | None:
    """The newest earlier release that was stable in a healthy set."""
    return next((each for each in formers(facts, service) if _healthy(facts, service, each.id)), None)


def healthy_set(facts: RolloutFacts, suspects: Iterable[str]) -> ReleaseSet | None:
    """The newest healthy set that holds the present release of none of the suspects."""
    present = {name: facts.stable[name].id for name in suspects}
    for each in facts.sets:
        if each.healthy and not any(each.releases.get(name) == release for name, release in present.items()):
            return each
    return None


def ran_well(facts: RolloutFacts, pair: Pair) -> bool:
    """Whether two releases ran together in a healthy set: then neither relies on what came later."""
    return any(each.healthy and pair.runs_in(each.releases) for each in facts.sets)


def brought(facts: RolloutFacts, service: str) -> Deployment | None:
    """The deployment that made the present release of a service the stable one."""
    present = facts.stable[service].id
    for each in facts.deployments:
        if each.after.get(service) == present and each.before.get(service, present) != present:
            return each
    return None


def _healthy(facts: RolloutFacts, service: str, release: str) -> bool:
    return any(each.healthy for each in facts.sets if each.releases.get(service) == release)


def _given_up(facts: RolloutFacts, service: str, release: str) -> bool:
    """Whether the last that happened to a release was that it was taken back."""
    for each in facts.deployments:
        came, left = each.after.get(service) == release, each.before.get(service) == release
        if came != left:
            return (left and each.kind == "rollback") or (came and each.state == "rolled back")
    return False


def _bad(facts: RolloutFacts, service: str, release: str) -> bool:
    judged = [s.healthy for s in facts.sets if s.releases.get(service) == release and s.healthy is not None]
    return _given_up(facts, service, release) or (bool(judged) and not any(judged))
