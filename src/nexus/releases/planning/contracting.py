"""The last steps of a deploy: what only the former releases needed is taken away, when they are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nexus.releases.facts import RolloutFacts
from nexus.releases.planning.chain import Chain
from nexus.releases.planning.migrating import unmet
from nexus.releases.planning.strategies import Change, contract

Applied = dict[str, set[str]]  # service → names of the migrations that its schema has


def contract_last(
    facts: RolloutFacts, changes: Sequence[Change], kept: Sequence[Change], chain: Chain
) -> tuple[str, ...]:
    """Add them, in the order in which one depends on the other; return what is left out, and why.

    `kept`: what has its new release already, and of which an earlier deploy may have left them.
    """
    versions = facts.versions({each.service.name: each.new for each in (*changes, *kept)})
    applied: Applied = {name: set(names) for name, names in facts.applied.items()}
    for each in changes:
        applied.setdefault(each.service.name, set()).update(m.name for m in each.before)
    whole = [each for each in kept if not each.before]  # else something comes before what contracts
    late = {each.service.name: each for each in (*changes, *whole) if each.afterwards}
    while late:
        obstacles = {name: _obstacle(each, versions, applied) for name, each in late.items()}
        free = next((name for name, why in obstacles.items() if not why), "")
        if not free:
            return tuple(_left_out(late[name], why) for name, why in obstacles.items())
        each = late.pop(free)
        applied.setdefault(free, set()).update(m.name for m in each.afterwards)
        contract(each, chain)
    return ()


def _obstacle(change: Change, versions: Mapping[str, frozenset[str]], applied: Applied) -> str:
    """Why what contracts cannot be applied at the end of this deploy ("" = it can)."""
    if not change.facts.is_fresh(change.facts.contracts_rehearsed_at):
        return "it was not rehearsed within the time that this stack asks for"
    if why := change.facts.stuck.get((change.service.name, change.new.id)):
        return why
    own = {f"{change.service.name}/{each.name}" for each in change.afterwards}
    for each in change.afterwards:
        if why := unmet(each.after, versions):
            return why
        for needed in each.depends:
            module, _, name = needed.partition("/")
            if needed not in own and name not in applied.get(module, ()):
                return f"it depends on {needed}, which is not applied"
    return ""


def _left_out(change: Change, why: str) -> str:
    first = change.afterwards[0].name
    return (
        f"{change.service.name}: the contract migration {first} is not applied by this deploy: {why}; "
        "`nexus migrate apply` applies it later"
    )
