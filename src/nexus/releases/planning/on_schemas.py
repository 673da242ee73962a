"""What of their schemas stands in the way of new releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus.releases.errors import MigrationWaits, NotReversible
from nexus.releases.facts import MigrationFacts, RolloutFacts
from nexus.releases.planning.manner import choose
from nexus.releases.planning.migrating import at_once, before_release, buried, holds_back, lacking, unmet
from nexus.releases.planning.objection import Objection
from nexus.releases.planning.request import RolloutRequest
from nexus.releases.planning.words import abridged, label
from nexus.releases.release import Release
from nexus.stack import Stack


def _behind(it: str, former: str, needed: MigrationFacts, held: MigrationFacts, why: str) -> Objection:
    told = f"{it} needs migration {needed.name}, which stands behind {held.name}, a contract ({held.why})"
    if why:
        return Objection(MigrationWaits, f"{told} that must wait: {why}", "deploy what it waits for first")
    mend = "put it before the contract, or make two releases of it: deploy first one without the contract"
    return Objection(NotReversible, f"{told}, and {former} still runs while it is applied", mend, "force")


def schemas(
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


def migrations(
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


def stuck(
    stack: Stack, facts: RolloutFacts, request: RolloutRequest, moves: Mapping[str, Release]
) -> Iterator[Objection]:
    """What failed stands in the way of what comes before a release, and of what an earlier deploy left."""
    for name, release in request.targets.items():
        why = facts.stuck.get((name, release.id), "")
        due = _first(stack, facts, request, release) if name in moves else facts.pending_of(release)
        if why and due:
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


def rehearsed(
    stack: Stack, facts: RolloutFacts, request: RolloutRequest, moves: Mapping[str, Release]
) -> Iterator[Objection]:
    """What is applied to a production database was rehearsed not long ago; a tool of its own, nobody can
    rehearse.
    """
    brought = [each for release in moves.values() for each in _first(stack, facts, request, release)]
    first = [each for each in brought if not each.tool]
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
