"""Where migrations stand in the plan of a deploy, compared as printed text; and what cannot be planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nexus.migrations.declared import ReleaseNeed
from nexus.releases.conftest import NOON, Shop
from nexus.releases.errors import MigrationWaits, NotReversible
from nexus.releases.facts import MigrationFacts, RolloutFacts
from nexus.releases.planning import RolloutRequest, objections, plan_deploy
from nexus.releases.planning.migrating import at_least, runs

ADD = MigrationFacts("1_add", "expand")
DROP = MigrationFacts("2_drop", "contract", "line 1 drops the column notes of orders")
STRATEGIES = ("canary", "rolling", "blue-green")


def both(shop: Shop, **values: Any) -> RolloutFacts:
    return shop.facts(pending={("till", "till-2.0"): (ADD, DROP)}, **values)


def ids(shop: Shop, facts: RolloutFacts, request: RolloutRequest) -> list[str]:
    return [step.id for step in plan_deploy(shop.stack, facts, request).steps]


def test_what_expands_comes_before_the_release_and_what_contracts_after_the_watch(shop: Shop) -> None:
    request = shop.request({"till": "2.0"}, strategy="rolling")
    assert (
        plan_deploy(shop.stack, both(shop), request).text()
        == """\
deploy till 2.0: 6 steps
  1. migrate till: apply 1 migration (1_add)
     because 2.0 needs a newer schema
  2. hook till: run `python -m till.prepare` once, as a task of 2.0
     because till 1.0 → 2.0 (asked by ana); after 1
  3. replace till: replace its instances one by one by 2.0, the new beside the old
     because till 1.0 → 2.0 (asked by ana); after 2; undo: bring the former release back
  4. hook till: run `python -m till.announce` once, as a task of 2.0
     because till 1.0 → 2.0 (asked by ana); after 3
  5. watch till: compare with the time before for 40 s; what gets worse goes back
     because it has all requests; after 4
  6. contract till: apply 1 migration (2_drop); nobody can go back across it; nothing older runs any more
     because 2.0 is fully out; after 5"""
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_contracts_last(shop: Shop, strategy: Any) -> None:
    found = ids(shop, both(shop), shop.request({"till": "2.0"}, strategy=strategy))
    assert found[0] == "migrate till"
    assert found[-1] == "contract till"
    assert found.index("watch till") < found.index("contract till")
    assert "stop till" not in found


def test_a_release_that_only_contracts_migrates_nothing_before(shop: Shop) -> None:
    facts = shop.facts(pending={("till", "till-2.0"): (DROP,)})
    found = ids(shop, facts, shop.request({"till": "2.0"}, strategy="rolling"))
    assert found == ["hook before till", "replace till", "hook after till", "watch till", "contract till"]


def test_what_expands_behind_a_contract_is_refused_with_the_mend(shop: Shop) -> None:
    pending = (DROP, replace(ADD, name="3_add"))
    facts = shop.facts(pending={("till", "till-2.0"): pending})
    request = shop.request({"till": "2.0"})
    with pytest.raises(NotReversible) as caught:
        plan_deploy(shop.stack, facts, request)
    assert str(caught.value) == (
        "till: 2.0 needs migration 3_add, which stands behind 2_drop, a contract (line 1 drops the column "
        "notes of orders), and 1.0 still runs while it is applied; put it before the contract, or make two "
        "releases of it: deploy first one without the contract"
    )
    forced = plan_deploy(shop.stack, facts, replace(request, forced=True))
    assert forced.steps[0].does == "apply 2 migrations (2_drop, 3_add); nobody can go back across it"
    assert "contract till" not in [step.id for step in forced.steps]
    assert not objections(shop.stack, facts, replace(request, strategy="recreate"))


def test_a_contract_waits_for_a_release_that_is_not_fully_out(shop: Shop) -> None:
    waits = replace(DROP, after=(ReleaseNeed("web", "2.0"),))
    facts = shop.facts(pending={("till", "till-2.0"): (ADD, waits)})
    alone = plan_deploy(shop.stack, facts, shop.request({"till": "2.0"}))
    assert alone.steps[-1].id == "watch till"
    assert alone.notes == (
        "till: the contract migration 2_drop is not applied by this deploy: it waits for web>=2.0, and web "
        "1.0 runs; `nexus migrate apply` applies it later",
    )
    together = ids(shop, facts, shop.request({"till": "2.0", "web": "2.0"}))
    assert together[-1] == "contract till"
    later = shop.running({"till": "2.0", "web": "2.0"}, pending={("till", "till-2.0"): (waits,)})
    assert ids(shop, later, shop.request({"till": "2.0"})) == ["contract till"]
    torn = replace(later, living={"web": {"web-1.0": 1, "web-2.0": 1}})
    assert not ids(shop, torn, shop.request({"till": "2.0"}))


def test_a_contract_that_was_left_out_holds_back_the_next_release_while_it_waits_and_no_longer(
    shop: Shop,
) -> None:
    left, more = replace(DROP, after=(ReleaseNeed("web", "2.0"),)), replace(ADD, name="3_add")
    pending = {("till", "till-2.0"): (left,), ("till", "till-3.0"): (left, more)}
    request = shop.request({"till": "3.0"}, strategy="rolling")
    with pytest.raises(MigrationWaits) as caught:
        plan_deploy(shop.stack, shop.running({"till": "2.0"}, pending=pending), replace(request, forced=True))
    assert str(caught.value).startswith(
        "till: 3.0 needs migration 3_add, which stands behind 2_drop, a contract (line 1 drops the column "
        "notes of orders) that must wait: it waits for web>=2.0, and web 1.0 runs; deploy what it waits for "
        "first"
    )
    out = shop.running({"till": "2.0", "web": "2.0"}, pending=pending)
    assert plan_deploy(shop.stack, out, request).steps[0].does == (
        "apply 2 migrations (2_drop, 3_add); nobody can go back across it"
    )
    torn = replace(out, living={"till": {"till-1.0": 1, "till-2.0": 1}})
    with pytest.raises(NotReversible, match="needs migration 3_add, which stands behind 2_drop"):
        plan_deploy(shop.stack, torn, request)


def test_a_deploy_that_was_killed_while_it_contracted_does_just_that(shop: Shop) -> None:
    begun = shop.deployment(1, {"till": ("1.0", "2.0")}, ended_at=None)
    done = frozenset({"hook before till", "replace till", "hook after till", "watch till"})
    facts = shop.running(
        {"till": "2.0"}, pending={("till", "till-2.0"): (DROP,)}, unfinished=begun, done=done
    )
    request = shop.request({"till": "2.0"}, strategy="rolling", forced=True, override="again")
    assert ids(shop, facts, request) == ["contract till"]
    unwatched = replace(facts, done=done - {"watch till"})
    assert ids(shop, unwatched, request) == ["watch till", "contract till"]
    assert not ids(shop, replace(facts, pending={}), request)


def test_modules_are_migrated_in_the_order_in_which_they_depend_on_each_other(shop: Shop) -> None:
    first = MigrationFacts("1_orders", "expand", depends=("web/2_view",))
    view = (MigrationFacts("1_web", "expand"), MigrationFacts("2_view", "expand", depends=("login/1_id",)))
    pending = {
        ("till", "till-2.0"): (first,),
        ("web", "web-2.0"): view,
        ("login", "login-2.0"): (MigrationFacts("1_id", "expand"),),
    }
    facts = shop.facts(pending=pending, applied={"till": frozenset(), "web": frozenset()})
    plan = plan_deploy(shop.stack, facts, shop.request({"till": "2.0", "web": "2.0", "login": "2.0"}))
    told = [(step.id, step.cause) for step in plan.steps if step.action == "migrate"]
    assert told == [
        ("migrate login", "2.0 needs a newer schema"),
        ("migrate web", "what till 2.0 needs of the schema comes after it"),
        ("migrate till", "2.0 needs a newer schema"),
    ]


def test_migrations_are_interleaved_only_where_they_must_be() -> None:
    pending = {
        "a": (ADD, MigrationFacts("2_a", "expand", depends=("b/1_add",)), MigrationFacts("3_a", "expand")),
        "b": (ADD, MigrationFacts("2_b", "expand", depends=("a/3_a",))),
    }
    assert [(run.step, run.names) for run in runs(pending)] == [
        ("migrate a 1_add", "1_add"),
        ("migrate b 1_add", "1_add"),
        ("migrate a", "2_a,3_a"),
        ("migrate b", "2_b"),
    ]


def test_what_a_migration_depends_on_must_be_there_or_come_along(shop: Shop) -> None:
    needs = MigrationFacts("1_orders", "expand", depends=("web/2_view",))
    facts = shop.facts(pending={("till", "till-2.0"): (needs,)})
    request = shop.request({"till": "2.0"})
    with pytest.raises(MigrationWaits) as caught:
        plan_deploy(shop.stack, facts, request)
    assert str(caught.value) == (
        "till: migration 1_orders depends on web/2_view, which is not applied; deploy a release of web that "
        "brings it, before or along with this one"
    )
    assert ids(shop, replace(facts, applied={"web": frozenset({"2_view"})}), request)
    circle = {
        ("till", "till-2.0"): (needs,),
        ("web", "web-2.0"): (MigrationFacts("2_view", "expand", depends=("till/1_orders",)),),
    }
    with pytest.raises(MigrationWaits, match="depends on web/2_view, which depends on it in turn"):
        plan_deploy(shop.stack, shop.facts(pending=circle), shop.request({"till": "2.0", "web": "2.0"}))


def test_a_production_stack_asks_for_a_fresh_rehearsal_of_what_is_pending(shop: Shop) -> None:
    facts = both(shop, rehearse_within=86_400.0)
    request = shop.request({"till": "2.0"})
    with pytest.raises(MigrationWaits) as caught:
        plan_deploy(shop.stack, facts, request)
    assert str(caught.value) == (
        "what is pending (1_add) was never rehearsed, and this stack asks for a rehearsal within "
        '24 h; `nexus migrate rehearse`, or give a reason with --override "reason"'
    )
    gap = replace(request, strategy="recreate")
    with pytest.raises(MigrationWaits, match=r"what is pending \(1_add; 2_drop\) was never rehearsed"):
        plan_deploy(shop.stack, replace(facts, rehearsed_at=NOON - 3_600), gap)
    old = replace(facts, rehearsed_at=NOON - 90_000)
    with pytest.raises(MigrationWaits, match=r"was rehearsed 25.0 h ago"):
        plan_deploy(shop.stack, old, request)
    half = plan_deploy(shop.stack, replace(facts, rehearsed_at=NOON - 3_600), request)
    assert half.steps[-1].action == "watch"
    assert "2_drop is not applied by this deploy: it was not rehearsed" in half.notes[0]
    whole = replace(facts, rehearsed_at=NOON - 3_600, contracts_rehearsed_at=NOON - 3_600)
    assert ids(shop, whole, request)[-1] == "contract till"
    assert (
        plan_deploy(shop.stack, facts, replace(request, override="urgent"))
        .notes[0]
        .endswith("overridden by ana: urgent")
    )
    assert ids(shop, shop.facts(rehearse_within=86_400.0), request)


@pytest.mark.parametrize(
    ("version", "wanted", "is_so"),
    [
        ("1.5", "1.5", True),
        ("1.5.0", "1.5", True),
        ("1.10", "1.9", True),
        ("1.4.9", "1.5", False),
        ("2.0-rc1", "2.0", False),
        ("", "1.0", False),
        ("blue", "1.0", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, wanted: str, is_so: bool) -> None:
    assert at_least(version, wanted) is is_so


FAILED = "till: migration 2_bad failed; look at what it left"


def test_what_failed_stands_only_in_the_way_of_what_is_to_be_applied(shop: Shop) -> None:
    key = ("till", "till-2.0")
    facts = shop.facts(pending={key: (ADD,)}, stuck={key: FAILED})
    request = shop.request({"till": "2.0"}, strategy="rolling", forced=True)
    with pytest.raises(MigrationWaits) as caught:
        plan_deploy(shop.stack, facts, request)
    assert str(caught.value) == FAILED
    assert "replace till" in ids(shop, replace(facts, pending={}), request)
    late = plan_deploy(shop.stack, replace(facts, pending={key: (DROP,)}), request)
    assert "contract till" not in [step.id for step in late.steps]
    assert any(f"2_drop is not applied by this deploy: {FAILED}" in note for note in late.notes)
    other = shop.request({"stock": "2.0"}, strategy="rolling")
    assert "replace stock" in ids(shop, facts, other)
    arrived = shop.running({"till": "2.0"}, pending={key: (DROP,)}, stuck={key: FAILED})
    with pytest.raises(MigrationWaits, match="2_bad failed"):
        plan_deploy(shop.stack, arrived, request)


def test_what_is_taken_up_again_contracts_no_earlier_than_it_was_to(shop: Shop) -> None:
    facts = shop.facts(pending={("till", "till-2.0"): (DROP, replace(ADD, name="3_add"))})
    request = shop.request({"till": "2.0"}, strategy="rolling", under_way=True)
    found = ids(shop, facts, request)
    assert "migrate till" not in found
    assert found[-1] == "contract till"
    assert ids(shop, facts, replace(request, forced=True))[0] == "migrate till"
    (note,) = [each for each in plan_deploy(shop.stack, facts, request).notes if "3_add" in each]
    assert note.endswith("; it was under way already")


def test_a_release_whose_former_stops_first_may_wait_for_itself(shop: Shop) -> None:
    needs = replace(DROP, after=(ReleaseNeed("till", "2.0"),))
    facts = shop.facts(pending={("till", "till-2.0"): (needs,)}, living={"till": {"till-1.0": 2}})
    assert "migrate till" in ids(shop, facts, shop.request({"till": "2.0"}, strategy="recreate"))
    older = replace(needs, after=(ReleaseNeed("till", "3.0"),))
    again = replace(facts, pending={("till", "till-2.0"): (older,)})
    with pytest.raises(MigrationWaits, match=r"it waits for till>=3.0, and till 2.0 runs"):
        plan_deploy(shop.stack, again, shop.request({"till": "2.0"}, strategy="recreate"))


def test_what_depends_on_a_contract_of_the_same_deploy_is_told_that_it_comes_too_late(shop: Shop) -> None:
    needs = MigrationFacts("1_orders", "expand", depends=("web/2_drop",))
    facts = shop.facts(pending={("till", "till-2.0"): (needs,), ("web", "web-2.0"): (DROP,)})
    with pytest.raises(MigrationWaits) as caught:
        plan_deploy(shop.stack, facts, shop.request({"till": "2.0", "web": "2.0"}, strategy="rolling"))
    assert str(caught.value) == (
        "till: migration 1_orders depends on web/2_drop, which is not applied; this deploy applies it only "
        "after web was watched; deploy web by itself first"
    )


def test_what_a_tool_changes_is_asked_no_rehearsal_of(shop: Shop) -> None:
    run = MigrationFacts("command-1", "expand", tool=True)
    facts = shop.facts(pending={("till", "till-2.0"): (run,)}, rehearse_within=60.0)
    request = shop.request({"till": "2.0"})
    assert "migrate till" in ids(shop, facts, request)
    with pytest.raises(MigrationWaits, match=r"what is pending \(1_add\) was never rehearsed"):
        plan_deploy(shop.stack, replace(facts, pending={("till", "till-2.0"): (ADD, run)}), request)
