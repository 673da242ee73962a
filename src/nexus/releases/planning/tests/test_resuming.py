"""Whatever was reached when a deploy was interrupted: planned again, it ends all new; taken back, all old.

The steps are carried out on values, as the runtimes' actions promise to, and broken off anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus.plans import Step
from nexus.releases.conftest import Shop
from nexus.releases.facts import CandidateFacts, MigrationFacts, RolloutFacts
from nexus.releases.planning import RolloutRequest, plan_deploy, plan_return
from nexus.releases.release import Release

WHOLE = {"till": "2.0", "stock": "2.0", "web": "2.0", "press": "2.0", "edge": "2.0"}

PENDING = {
    (name, f"{name}-2.0"): (
        MigrationFacts("1_add", "expand"),
        MigrationFacts("2_drop", "contract", "it drops a"),
    )
    for name in ("till", "stock")
}
DROPPED = "contract till"


def running(facts: RolloutFacts, name: str) -> list[Release]:
    """The releases of which instances are ready."""
    return [facts.releases[name][id] for id, count in facts.ready[name].items() if count]


def carried_out(facts: RolloutFacts, step: Step) -> RolloutFacts:
    """The facts after a step."""
    name, arguments = step.target, step.arguments
    candidate = facts.candidates.get(name)
    others = {other: each for other, each in facts.candidates.items() if other != name}
    facts = replace(facts, done=facts.done | {step.id})
    if step.action == "admit":
        release, count = facts.releases[name][arguments["release"]], int(arguments["count"])
        weight = candidate.weight if candidate else 0
        return replace(facts, candidates={**others, name: CandidateFacts(release, count, weight, count)})
    if step.action == "shift":
        assert candidate is not None
        shifted = replace(candidate, weight=int(arguments["weight"]))
        return replace(facts, candidates={**others, name: shifted})
    if step.action == "abandon":
        return replace(facts, candidates=others)
    if step.action in ("promote", "replace", "recreate", "upgrade"):
        release = facts.releases[name][arguments["release"]]
        assert step.action != "promote" or (candidate is not None and candidate.release == release)
        stable, ready = {**facts.stable, name: release}, {**facts.ready, name: {release.id: 2}}
        return replace(facts, stable=stable, ready=ready, candidates=others)
    if step.action in ("migrate", "contract"):
        key = (name, arguments["release"])
        pending, names = facts.pending[key], arguments["names"].split(",")
        assert [each.name for each in pending[: len(names)]] == names
        return replace(facts, pending={**facts.pending, key: pending[len(names) :]})
    assert step.action in ("build", "hook", "judge", "watch")
    return facts


def half_done(facts: RolloutFacts, step: Step) -> RolloutFacts:
    """The facts when a step was broken off in the middle of it."""
    if step.action == "replace":
        release = step.arguments["release"]
        ready = {**facts.ready[step.target], release: 1}
        return replace(facts, ready={**facts.ready, step.target: ready})
    if step.action == "recreate":
        return replace(facts, ready={**facts.ready, step.target: {}})
    if step.action == "admit":
        after = carried_out(facts, step).candidates[step.target]
        return replace(facts, candidates={**facts.candidates, step.target: replace(after, ready=0)})
    return facts


def run(facts: RolloutFacts, steps: Iterable[Step]) -> RolloutFacts:
    for step in steps:
        facts = carried_out(facts, step)
    return facts


def interrupted(shop: Shop, request: RolloutRequest, kills: list[int], **values: Any) -> RolloutFacts:
    """The facts after a deploy was broken off, taken up, and broken off again."""
    begun = shop.deployment(1, dict.fromkeys(request.targets, ("1.0", "2.0")), ended_at=None)
    facts = shop.facts(unfinished=begun, **values)
    for kill in kills:
        steps = plan_deploy(shop.stack, facts, request).steps
        reached = steps[:kill]
        facts = run(facts, reached)
        if len(reached) < len(steps):
            facts = half_done(facts, steps[len(reached)])
    return facts


@settings(max_examples=60, deadline=None)
@given(
    kills=st.lists(st.integers(0, 20), max_size=4), asked=st.sets(st.sampled_from(sorted(WHOLE)), min_size=1)
)
def test_taken_up_again_it_ends_all_new(shop: Shop, kills: list[int], asked: set[str]) -> None:
    request = shop.request({name: WHOLE[name] for name in sorted(asked)})
    facts = interrupted(shop, request, kills, pending=PENDING)
    assert not (DROPPED in facts.done and any(each.version == "1.0" for each in running(facts, "till")))
    end = run(facts, plan_deploy(shop.stack, facts, request).steps)
    assert {name: end.stable[name].version for name in asked} == dict.fromkeys(asked, "2.0")
    assert not end.candidates
    assert not any(end.pending[name, f"{name}-2.0"] for name in asked & {"till", "stock"})
    assert plan_deploy(shop.stack, replace(end, unfinished=None), request).empty


@settings(max_examples=60, deadline=None)
@given(
    kills=st.lists(st.integers(0, 20), max_size=4), asked=st.sets(st.sampled_from(sorted(WHOLE)), min_size=1)
)
def test_taken_back_it_ends_all_old(shop: Shop, kills: list[int], asked: set[str]) -> None:
    request = shop.request({name: WHOLE[name] for name in sorted(asked)})
    facts = interrupted(shop, request, kills)
    end = run(facts, plan_return(shop.stack, facts, asked, "it fails").steps)
    assert {release.version for release in end.stable.values()} == {"1.0"}
    assert all(set(end.ready[name]) == {f"{name}-1.0"} for name in asked)
    assert not end.candidates
    assert plan_return(shop.stack, end, asked, "it fails").empty


@pytest.mark.parametrize("kill", range(10))
def test_hooks_run_once_however_often_a_deploy_is_taken_up(shop: Shop, kill: int) -> None:
    request = shop.request({"till": "2.0"})
    facts = interrupted(shop, request, [kill, kill])
    left = [step.id for step in plan_deploy(shop.stack, facts, request).steps]
    hooks = {each for each in (*facts.done, *left) if each.startswith("hook")}
    assert hooks == {"hook before till", "hook after till"}
    assert not facts.done & {each for each in left if each.startswith("hook")}
