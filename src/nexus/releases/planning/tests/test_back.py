"""The ways back, compared as printed text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nexus.releases.conftest import Shop
from nexus.releases.errors import NotReversible, NoWayBack
from nexus.releases.facts import CandidateFacts
from nexus.releases.planning import plan_return, plan_rollback
from nexus.releases.scope import Broken, Scope, decide_scope
from nexus.releases.scoping.member import Member

CAUSE = "20 % of the answers of till fail"


def test_what_was_let_in_loses_its_requests_and_leaves_and_the_rest_is_not_touched(shop: Shop) -> None:
    begun = shop.deployment(4, {"login": ("1.0", "2.0"), "till": ("1.0", "2.0")})
    candidate = CandidateFacts(shop.release("till", "2.0"), 1, 25, 1)
    plan = plan_return(
        shop.stack, shop.facts(candidates={"till": candidate}, unfinished=begun), ["login", "till"], CAUSE
    )
    assert (
        plan.text()
        == """\
take back login, till: 2 steps
  1. shift till: give 2.0 no requests any more
     because 20 % of the answers of till fail
  2. abandon till: drain and stop 2.0
     because 20 % of the answers of till fail; after 1"""
    )


def test_what_was_promoted_already_changes_back_in_reverse_once_nothing_new_gets_requests(shop: Shop) -> None:
    begun = shop.deployment(4, dict.fromkeys(("gate", "login", "stock", "till", "web"), ("1.0", "2.0")))
    candidate = CandidateFacts(shop.release("web", "2.0"), 1, 0, 0)
    facts = shop.running({"gate": "2.0", "login": "2.0", "till": "2.0"}, unfinished=begun)
    facts = replace(facts, candidates={"web": candidate}, built={"till": frozenset({"till-2.0"})})
    plan = plan_return(shop.stack, facts, begun.services, CAUSE)
    assert [step.id for step in plan.steps] == [
        "build gate",
        "build login",
        "build till",
        "abandon web",
        "replace till",
        "replace login",
        "upgrade gate",
    ]
    releases = {step.target: step.arguments["release"] for step in plan.steps if step.action == "replace"}
    assert releases == {"till": "till-1.0", "login": "login-1.0"}


def test_what_was_replaced_in_part_is_made_whole(shop: Shop) -> None:
    begun = shop.deployment(4, {"web": ("1.0", "2.0")})
    facts = shop.facts(unfinished=begun)
    both = {"web": {"web-1.0": 1, "web-2.0": 1}}
    for torn in (replace(facts, ready={**facts.ready, **both}), replace(facts, living=both)):
        assert (
            plan_return(shop.stack, torn, ["web"], "asked by ana").text()
            == "take back web: 1 step\n  1. replace web: run 1.0 and nothing else\n     because asked by ana"
        )
    begun = shop.deployment(4, {"press": ("1.0", "2.0")})
    stopped = replace(facts, ready={**facts.ready, "press": {}}, unfinished=begun)
    assert [step.id for step in plan_return(shop.stack, stopped, ["press"], CAUSE).steps] == [
        "recreate press"
    ]


def test_what_was_not_changed_yet_needs_no_way_back(shop: Shop) -> None:
    begun = shop.deployment(4, {"web": ("1.0", "2.0")})
    assert plan_return(shop.stack, shop.facts(unfinished=begun), ["web"], CAUSE).empty


def test_nothing_goes_back_across_a_contract_migration_and_that_is_said(shop: Shop) -> None:
    begun = shop.deployment(4, {"till": ("1.0", "2.0"), "web": ("1.0", "2.0")})
    beyond = shop.migration("till", "1.0", "2_drop", "line 1 drops the column notes of orders")
    facts = shop.running({"till": "2.0", "web": "2.0"}, unfinished=begun, beyond=beyond)
    plan = plan_return(shop.stack, facts, ["till", "web"], CAUSE)
    assert [step.id for step in plan.steps] == ["replace web"]
    assert plan.notes == (
        "till stays at 2.0: 1.0 cannot run on its schema, for migration 2_drop is a contract (line 1 drops "
        "the column notes of orders); roll forward, or restore a backup from before it",
    )
    expands = replace(facts, beyond=shop.migration("till", "1.0", "2_add"))
    assert len(plan_return(shop.stack, expands, ["till", "web"], CAUSE).steps) == 2


def test_what_was_stopped_for_a_migration_that_failed_is_started_again(shop: Shop) -> None:
    begun = shop.deployment(4, {"till": ("1.0", "2.0")})
    facts = shop.facts(unfinished=begun, done=frozenset({"stop till"}))
    stopped = replace(facts, ready={**facts.ready, "till": {}})
    plan = plan_return(shop.stack, stopped, ["till"], CAUSE)
    assert [step.id for step in plan.steps] == ["replace till"]
    assert not plan.notes


def test_a_release_is_not_started_again_on_a_schema_that_has_left_it_behind(shop: Shop) -> None:
    begun = shop.deployment(4, {"till": ("1.0", "2.0")}, strategy="recreate")
    beyond = shop.migration("till", "1.0", "2_drop", "line 1 drops a")
    facts = shop.facts(unfinished=begun, beyond=beyond)
    stopped = replace(facts, ready={**facts.ready, "till": {}})
    plan = plan_return(shop.stack, stopped, ["till"], CAUSE)
    assert plan.empty
    assert plan.notes == (
        "till 1.0 is not started again on a schema that it may not fit, for migration 2_drop is applied, a "
        "contract (line 1 drops a); roll forward, or restore a backup from before it",
    )


def test_a_candidate_that_leaves_after_its_contract_migration_leaves_a_note(shop: Shop) -> None:
    begun = shop.deployment(4, {"till": ("1.0", "2.0")})
    candidate = CandidateFacts(shop.release("till", "2.0"), 1, 5, 1)
    beyond = shop.migration("till", "1.0", "2_drop", "line 1 drops a")
    facts = shop.facts(unfinished=begun, beyond=beyond, candidates={"till": candidate})
    plan = plan_return(shop.stack, facts, ["till"], CAUSE)
    assert [step.id for step in plan.steps] == ["shift till 0", "abandon till"]
    assert plan.notes[0].startswith("till 1.0 runs on a schema that it may not fit, for migration 2_drop")


def test_a_rollback_brings_each_member_back_dependents_first_and_watches_them(shop: Shop) -> None:
    facts = shop.running(
        {"till": "2.0", "stock": "2.0"},
        sets=(shop.set(2, None, till="2.0", stock="2.0"), shop.set(1, True)),
        deployments=(shop.deployment(2, {"till": ("1.0", "2.0"), "stock": ("1.0", "2.0")}),),
        candidates={"till": CandidateFacts(shop.release("till", "3.0"), 1, 5, 1)},
        built={"till": frozenset({"till-1.0"})},
    )
    scope = decide_scope(shop.stack, facts, Broken("till"), "orders are stuck")
    assert (
        plan_rollback(shop.stack, facts, scope, "ana").text()
        == """\
roll back till to 1.0, stock to 1.0: 6 steps
  note: till, and stock with it: nothing else is known to need their present releases
  1. build stock: make stock 1.0 (stock-1.0) ready to run here
     because stock 2.0 → 1.0 (asked by ana): came with till in deployment 2, and till needs stock
  2. replace stock: replace its instances one by one by 1.0, the new beside the old
     because stock 2.0 → 1.0 (asked by ana): came with till in deployment 2, and till needs stock; after 1
  3. shift till: give 3.0 no requests any more
     because till is rolled back; after 2
  4. abandon till: drain and stop 3.0
     because till is rolled back; after 3
  5. replace till: replace its instances one by one by 1.0, the new beside the old
     because till 2.0 → 1.0 (asked by ana): orders are stuck; after 4
  6. watch stock, till: compare with the time before for 40 s; what gets worse is told
     because they have all requests; after 5"""
    )


def test_a_consumer_that_needs_the_former_provider_goes_back_after_it(shop: Shop) -> None:
    facts = shop.running(
        {"till": "2.0", "web": "2.0"}, misfits=shop.misfit("web 1.0", "till 2.0", "web relies on total")
    )
    members = tuple(
        Member(name, shop.release(name, "2.0"), shop.release(name, "1.0"), "x") for name in ("web", "till")
    )
    plan = plan_rollback(shop.stack, facts, Scope("dependents", "x", "y", members), "ana", bake=0)
    assert [step.id for step in plan.steps] == ["replace till", "replace web"]


def test_a_scope_that_cannot_be_is_refused_with_what_can_be_done_instead(shop: Shop) -> None:
    facts = shop.running(
        {"till": "2.0"},
        sets=(shop.set(2, None, till="2.0"), shop.set(1, True)),
        beyond=shop.migration("till", "1.0", "2_drop", "line 1 drops a"),
    )
    with pytest.raises(NotReversible) as caught:
        plan_rollback(shop.stack, facts, decide_scope(shop.stack, facts, Broken("till"), "x"), "ana")
    assert str(caught.value) == (
        "till 1.0 cannot run on its schema: migration 2_drop is applied, a contract (line 1 drops a)\n"
        "instead: roll forward: deploy a mended release that knows the migration\n"
        "instead: restore a backup from before the migration; what was written since is lost"
    )
    fresh = shop.facts()
    with pytest.raises(NoWayBack, match="no earlier release of till was judged healthy"):
        plan_rollback(shop.stack, fresh, decide_scope(shop.stack, fresh, Broken("till"), "x"), "ana")


def test_a_scope_of_nothing_is_a_plan_of_nothing(shop: Shop) -> None:
    facts = shop.facts()
    scope = decide_scope(shop.stack, facts, Broken("till", to=shop.release("till", "1.0")), "x")
    assert plan_rollback(shop.stack, facts, scope, "ana").text() == (
        "roll back nothing: nothing to do\n  note: till 1.0 is the stable release already"
    )
