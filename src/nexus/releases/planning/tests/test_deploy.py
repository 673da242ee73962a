"""The plan of `deploy`, compared as printed text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nexus.releases.conftest import NOON, Shop
from nexus.releases.errors import (
    ArtefactGone,
    ContractBroken,
    Frozen,
    NotReversible,
    NotUpgradable,
    ReleaseError,
    UnknownModule,
)
from nexus.releases.facts import CandidateFacts, RolloutFacts
from nexus.releases.planning import RolloutRequest, objections, plan_deploy, waived

BLACK_FRIDAY = NOON + 17 * 86_400
GONE = "web relies on total of GET /api/till/orders (till): it is gone"


def steps(shop: Shop, facts: RolloutFacts, request: RolloutRequest) -> list[str]:
    """Each step with its arguments, as `admit till release=till-2.0 count=1`."""
    return [
        " ".join([step.action, step.target, *(f"{k}={v}" for k, v in step.arguments.items())])
        for step in plan_deploy(shop.stack, facts, request).steps
    ]


def refusal(shop: Shop, facts: RolloutFacts, request: RolloutRequest, error: type[ReleaseError]) -> str:
    with pytest.raises(error) as caught:
        plan_deploy(shop.stack, facts, request)
    assert type(caught.value) is error
    return str(caught.value)


def test_a_canary_is_built_prepared_and_judged_before_it_is_promoted_and_watched(shop: Shop) -> None:
    facts = shop.facts(built={}, pending=shop.migration("till", "2.0", "1_add"))
    assert (
        plan_deploy(shop.stack, facts, shop.request({"till": "2.0"})).text()
        == """\
deploy till 2.0: 13 steps
   1. build till: make till 2.0 (till-2.0) ready to run here
      because till 1.0 → 2.0 (asked by ana)
   2. migrate till: apply 1 migration (1_add)
      because 2.0 needs a newer schema; after 1
   3. hook till: run `python -m till.prepare` once, as a task of 2.0
      because till 1.0 → 2.0 (asked by ana); after 2
   4. admit till: start 1 instance of 2.0 beside the stable ones, ready for 2 s
      because till 1.0 → 2.0 (asked by ana); after 3; undo: abandon it
   5. shift till: give 2.0 5 % of the requests
      because till 1.0 → 2.0 (asked by ana); after 4; undo: give it none
   6. judge till: compare both releases for 10 s, for 300 s at most
      because till 1.0 → 2.0 (asked by ana); after 5
   7. shift till: give 2.0 25 % of the requests
      because till 1.0 → 2.0 (asked by ana); after 6; undo: give it none
   8. judge till: compare both releases for 10 s, for 300 s at most
      because till 1.0 → 2.0 (asked by ana); after 7
   9. admit till: start 2 instances of 2.0 beside the stable ones, ready for 2 s
      because till 1.0 → 2.0 (asked by ana); after 8; undo: abandon it
  10. shift till: give 2.0 100 % of the requests
      because till 1.0 → 2.0 (asked by ana); after 9; undo: give it none
  11. promote till: make 2.0 the stable release; the former drains for 35 s at most and stops
      because till 1.0 → 2.0 (asked by ana); after 10; undo: bring the former release back
  12. hook till: run `python -m till.announce` once, as a task of 2.0
      because till 1.0 → 2.0 (asked by ana); after 11
  13. watch till: compare with the time before for 40 s; what gets worse goes back
      because it has all requests; after 12"""
    )


def test_each_step_carries_what_its_action_needs_to_know(shop: Shop) -> None:
    request = shop.request({"till": "2.0"}, steps=(10, 100), hold=2.5, bake=0.0)
    assert steps(shop, shop.facts(), request) == [
        "hook till release=till-2.0 hook=before",
        "admit till release=till-2.0 count=1",
        "shift till weight=10",
        "judge till weight=10 hold=2.5 patience=300",
        "admit till release=till-2.0 count=2",
        "shift till weight=100",
        "promote till release=till-2.0",
        "hook till release=till-2.0 hook=after",
    ]


def test_a_canary_grows_with_its_share_of_the_requests(shop: Shop) -> None:
    ready = {"till": {"till-1.0": 8}}
    found = steps(shop, replace(shop.facts(), ready=ready), shop.request({"till": "2.0"}))
    assert [step for step in found if step.startswith("admit")] == [
        "admit till release=till-2.0 count=1",
        "admit till release=till-2.0 count=2",
        "admit till release=till-2.0 count=8",
    ]


def test_a_canary_without_steps_is_judged_all_the_same(shop: Shop) -> None:
    found = steps(shop, shop.facts(), shop.request({"web": "2.0"}, strategy="canary"))
    assert [step for step in found if step.startswith("judge")] == [
        "judge web weight=5 hold=10 patience=300",
        "judge web weight=25 hold=10 patience=300",
    ]


def test_the_former_release_stays_warm_while_blue_green_is_watched(shop: Shop) -> None:
    assert (
        plan_deploy(shop.stack, shop.facts(), shop.request({"stock": "2.0"})).text()
        == """\
deploy stock 2.0: 4 steps
  1. admit stock: start 1 instance of 2.0 beside the stable ones, ready for 2 s
     because stock 1.0 → 2.0 (asked by ana); undo: abandon it
  2. shift stock: give 2.0 100 % of the requests
     because stock 1.0 → 2.0 (asked by ana); after 1; undo: give it none
  3. watch stock: compare with the time before for 30 s; the former release stays warm meanwhile
     because it has all requests; after 2
  4. promote stock: make 2.0 the stable release; the former drains for 35 s at most and stops
     because stock 1.0 → 2.0 (asked by ana); after 3; undo: bring the former release back"""
    )


def test_several_modules_change_one_after_another_providers_first_and_are_watched_together(
    shop: Shop,
) -> None:
    request = shop.request({"web": "2.0", "till": "2.0", "login": "2.0", "press": "2.0"}, strategy="rolling")
    assert steps(shop, shop.facts(built={}), request) == [
        "build press release=press-2.0",
        "build login release=login-2.0",
        "build till release=till-2.0",
        "build web release=web-2.0",
        "recreate press release=press-2.0",
        "replace login release=login-2.0",
        "hook till release=till-2.0 hook=before",
        "replace till release=till-2.0",
        "hook till release=till-2.0 hook=after",
        "replace web release=web-2.0",
        "watch login, till, web seconds=40 services=login,till,web",
    ]
    plan = plan_deploy(shop.stack, shop.facts(built={}), request)
    first = next(step for step in plan.steps if step.action == "recreate")
    assert set(first.after) == {"build login", "build press", "build till", "build web"}


def test_what_has_volumes_cannot_run_twice(shop: Shop) -> None:
    plan = plan_deploy(shop.stack, shop.facts(), shop.request({"press": "2.0"}, strategy="canary"))
    assert (
        plan.text()
        == """\
deploy press 2.0: 1 step
  note: press: two instances would share its volumes: the former stops before the new one starts
  1. recreate press: stop its instances, then start 2.0: it is away meanwhile
     because press 1.0 → 2.0 (asked by ana); undo: bring the former release back"""
    )


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"unshared": {"till": "telemetry is off"}}, "telemetry is off"),
        ({"ready": {}}, "no instance of its present release is ready that it could be compared with"),
    ],
)
def test_what_cannot_share_requests_is_replaced_one_by_one_and_that_is_said(
    shop: Shop, values: dict[str, object], why: str
) -> None:
    plan = plan_deploy(shop.stack, shop.facts(**values), shop.request({"till": "2.0"}))
    assert plan.notes == (f"till: rolling instead of canary: {why}",)
    assert [step.action for step in plan.steps] == ["hook", "replace", "hook", "watch"]


def test_infrastructure_is_upgraded_in_place(shop: Shop) -> None:
    request = shop.request({"edge": "2.0", "gate": "2.0", "cache": "1.1"}, strategy="canary")
    plan = plan_deploy(shop.stack, shop.facts(), request)
    assert [step.id for step in plan.steps if step.action == "upgrade"] == [
        "upgrade cache",
        "upgrade edge",
        "upgrade gate",
    ]
    assert plan.notes[0] == "cache is upgraded in place: --strategy canary does not apply to it"


def test_other_secrets_of_the_same_content_are_a_release_too(shop: Shop) -> None:
    release = replace(shop.release("web", "1.0"), id="web-1.0-k2", secrets_version="k2")
    plan = plan_deploy(shop.stack, shop.facts(), RolloutRequest({"web": release}, "ana", bake=0))
    assert plan.steps[-1].cause == "web: other secrets (web-1.0 → web-1.0-k2) (asked by ana)"


def test_ids_tell_releases_apart_whose_versions_do_not(shop: Shop) -> None:
    same = replace(shop.release("web", "1.0"), id="9f8e", digest="9f8e")
    plan = plan_deploy(shop.stack, shop.facts(), RolloutRequest({"web": same}, "ana", bake=0))
    assert plan.steps[-1].cause == "web web-1.0 → 9f8e (asked by ana)"


def test_what_is_stable_already_is_left_alone_and_said(shop: Shop) -> None:
    plan = plan_deploy(shop.stack, shop.facts(), shop.request({"till": "1.0"}))
    assert plan.text() == "deploy till 1.0: nothing to do\n  note: till 1.0 is the stable release already"


def test_what_was_let_in_leaves_when_the_stable_release_is_wanted(shop: Shop) -> None:
    candidate = CandidateFacts(shop.release("till", "2.0"), 1, 5, 1)
    found = steps(shop, shop.facts(candidates={"till": candidate}), shop.request({"till": "1.0"}))
    assert found == ["abandon till"]


def test_another_release_that_was_being_let_in_leaves_first(shop: Shop) -> None:
    candidate = CandidateFacts(shop.release("till", "3.0"), 2, 25, 2)
    found = steps(shop, shop.facts(candidates={"till": candidate}), shop.request({"till": "2.0"}))
    assert found[:4] == [
        "abandon till",
        "hook till release=till-2.0 hook=before",
        "admit till release=till-2.0 count=1",
        "shift till weight=5",
    ]


@pytest.mark.parametrize(
    ("count", "weight", "ready", "first"),
    [
        (1, 0, 0, "admit till release=till-2.0 count=1"),
        (1, 0, 1, "shift till weight=5"),
        (1, 25, 1, "shift till weight=25"),
        (2, 25, 0, "admit till release=till-2.0 count=1"),
        (2, 100, 2, "shift till weight=100"),
    ],
)
def test_an_interrupted_canary_goes_on_with_the_weight_it_had(
    shop: Shop, count: int, weight: int, ready: int, first: str
) -> None:
    candidate = CandidateFacts(shop.release("till", "2.0"), count, weight, ready)
    found = steps(shop, shop.facts(candidates={"till": candidate}), shop.request({"till": "2.0"}))
    assert found[0] == first
    assert found[-3:] == [
        "promote till release=till-2.0",
        "hook till release=till-2.0 hook=after",
        "watch till seconds=40 services=till",
    ]


def test_a_deploy_that_was_interrupted_after_a_promotion_does_what_is_left(shop: Shop) -> None:
    begun = shop.deployment(4, {"till": ("1.0", "2.0"), "web": ("1.0", "2.0")}, ended_at=None)
    facts = shop.running({"till": "2.0"}, unfinished=begun)
    request = shop.request({"till": "2.0", "web": "2.0"})
    assert steps(shop, facts, request) == [
        "hook till release=till-2.0 hook=after",
        "replace web release=web-2.0",
        "watch web, till seconds=40 services=web,till",
    ]
    done = replace(facts, done=frozenset({"hook after till"}))
    assert steps(shop, done, request)[0] == "replace web release=web-2.0"


def test_a_release_that_breaks_a_running_consumer_is_refused_unless_forced(shop: Shop) -> None:
    facts = shop.facts(misfits=shop.misfit("web 1.0", "till 2.0", GONE))
    request = shop.request({"till": "2.0"})
    assert refusal(shop, facts, request, ContractBroken) == (
        f"till 1.0 → 2.0 breaks web, which runs beside it: {GONE}; "
        "deploy a release of web that fits with it, or --force"
    )
    plan = plan_deploy(shop.stack, facts, replace(request, forced=True))
    assert plan.notes == (f"till 1.0 → 2.0 breaks web, which runs beside it: {GONE}; forced by ana",)


def test_of_many_broken_uses_the_first_are_told_and_the_others_counted(shop: Shop) -> None:
    (pair,) = shop.misfit("web 1.0", "till 2.0", GONE)
    facts = shop.facts(misfits={pair: ("a", "b", "c", "d", "e")})
    told = refusal(shop, facts, shop.request({"till": "2.0"}), ContractBroken)
    assert "runs beside it: a; b; c; and 2 more, which `nexus contracts check` lists; deploy" in told


def test_a_release_that_relies_on_what_is_not_there_is_refused(shop: Shop) -> None:
    facts = shop.facts(misfits=shop.misfit("web 2.0", "till 1.0", "web relies on x"))
    assert refusal(shop, facts, shop.request({"web": "2.0"}), ContractBroken).startswith(
        "web 1.0 → 2.0 breaks"
    )


def test_a_consumer_that_comes_along_leaves_what_its_provider_gives_up_before_that_goes(shop: Shop) -> None:
    both = shop.request({"till": "2.0", "web": "2.0"}, strategy="rolling", bake=0.0)
    gives_up = shop.facts(misfits=shop.misfit("web 1.0", "till 2.0", GONE))
    assert [s for s in steps(shop, gives_up, both) if s.startswith("replace")] == [
        "replace web release=web-2.0",
        "replace till release=till-2.0",
    ]
    either = {**gives_up.misfits, **shop.misfit("web 2.0", "till 1.0", "web relies on x")}
    assert refusal(shop, replace(gives_up, misfits=either), both, ContractBroken) == (
        "till and web do not fit while one of them changes; "
        "deploy first a release of the provider that serves both, or --force"
    )


def test_what_does_not_fit_already_stands_in_nobodys_way(shop: Shop) -> None:
    facts = shop.facts(misfits=shop.misfit("web 1.0", "till 1.0", GONE))
    assert steps(shop, facts, shop.request({"login": "2.0"}, bake=0.0)) == ["replace login release=login-2.0"]


def test_a_freeze_refuses_and_a_reason_overrides_it(shop: Shop) -> None:
    facts, request = shop.facts(at=BLACK_FRIDAY), shop.request({"web": "2.0"})
    assert refusal(shop, facts, request, Frozen) == (
        "web is frozen by black-friday until 2026-11-30 00:00 (America/Sao_Paulo); "
        'wait, or give a reason with --override "reason"'
    )
    forced = replace(request, forced=True)
    assert refusal(shop, facts, forced, Frozen)
    plan = plan_deploy(shop.stack, facts, replace(request, override="the tax changes tonight"))
    assert plan.notes == (
        "web is frozen by black-friday until 2026-11-30 00:00 (America/Sao_Paulo); "
        "overridden by ana: the tax changes tonight",
    )


def test_a_freeze_covers_only_what_it_names_and_a_coming_one_is_told(shop: Shop) -> None:
    eve = NOON + 20 * 86_400 - 7200  # 2026-11-30 10:00, eight hours before the month's end closes
    facts = shop.facts(at=eve)
    assert plan_deploy(shop.stack, facts, shop.request({"till": "2.0"})).notes == (
        "close (Month-end close) freezes till from 2026-11-30 18:00 (UTC)",
    )
    within = shop.facts(at=eve + 9 * 3600)
    assert not plan_deploy(shop.stack, within, shop.request({"web": "2.0"})).notes
    both = shop.request({"till": "2.0", "web": "2.0"})
    assert refusal(shop, within, both, Frozen).startswith("till is frozen")


def test_what_was_begun_before_a_freeze_may_be_ended_in_it(shop: Shop) -> None:
    begun = shop.deployment(4, {"web": ("1.0", "2.0")}, ended_at=None)
    found = steps(shop, shop.facts(at=BLACK_FRIDAY, unfinished=begun), shop.request({"web": "2.0"}))
    assert found[0] == "replace web release=web-2.0"


def test_a_deploy_with_a_gap_stops_the_former_release_before_it_contracts(shop: Shop) -> None:
    facts = shop.facts(pending=shop.migration("till", "2.0", "2_drop", "line 1 drops a"))
    request = shop.request({"till": "2.0"}, strategy="recreate")
    gap = plan_deploy(shop.stack, facts, request)
    assert [step.id for step in gap.steps] == [
        "stop till", "migrate till", "hook before till", "recreate till", "hook after till", "watch till"
    ]  # fmt: skip
    assert gap.steps[0].does == (
        "drain and stop 1.0, which cannot run on the newer schema: it is away from now on"
    )
    assert gap.steps[1].does == "apply 1 migration (2_drop); nobody can go back across it"
    assert gap.steps[3].undo == ""
    expands = replace(facts, pending=shop.migration("till", "2.0", "2_add"))
    steady = plan_deploy(shop.stack, expands, request)
    assert "stop till" not in [step.id for step in steady.steps]


def test_an_older_release_is_refused_across_a_contract_migration_whatever_the_strategy(shop: Shop) -> None:
    facts = shop.running({"till": "2.0"}, beyond=shop.migration("till", "1.0", "2_drop", "line 1 drops a"))
    request = shop.request({"till": "1.0"}, strategy="recreate")
    assert refusal(shop, facts, request, NotReversible) == (
        "till: migration 2_drop is applied, a contract (line 1 drops a), and 1.0 does not know it; "
        "deploy a release that does (roll forward), or restore a backup from before it"
    )


def test_postgres_and_another_major_version_of_valkey_are_refused(shop: Shop) -> None:
    assert refusal(shop, shop.facts(), shop.request({"db": "2.0"}), NotUpgradable) == (
        "db holds data that a deploy cannot take back, and every module waits while it is away; "
        "change it in a maintenance window with a backup at hand: see docs/releases.md"
    )
    assert refusal(shop, shop.facts(), shop.request({"cache": "2.0"}), NotUpgradable) == (
        "cache 1 → 2 is another major version, whose files the other may not read; "
        "deploy a minor version of 1"
    )


def test_the_image_tells_the_major_version_before_the_name_does(shop: Shop) -> None:
    image = replace(shop.release("cache", "blue"), image="registry:5000/valkey/valkey:9.1@sha256:12")
    running = replace(shop.release("cache", "8.1"), id="x", digest="x")
    facts = replace(shop.facts(), stable={**shop.facts().stable, "cache": running})
    assert refusal(shop, facts, RolloutRequest({"cache": image}, "ana"), NotUpgradable).startswith(
        "cache 8 → 9"
    )


def test_what_is_unknown_switched_off_or_was_never_started_is_refused(shop: Shop) -> None:
    assert refusal(shop, shop.facts(), shop.request({"tilll": "2.0"}), UnknownModule) == (
        "tilll is not part of this stack; did you mean 'till'?"
    )
    off = replace(shop.stack, off=("mail",))
    with pytest.raises(UnknownModule, match="mail is off; known: cache"):
        plan_deploy(off, shop.facts(), shop.request({"mail": "2.0"}))
    fresh = replace(shop.facts(), stable={})
    assert refusal(shop, fresh, shop.request({"web": "1.0"}), UnknownModule) == (
        "web has no release that runs yet; `nexus up` makes and starts its first"
    )


def test_a_release_whose_artefact_is_gone_is_refused(shop: Shop) -> None:
    facts = shop.facts(gone={("web", "web-2.0"): "its files hold 9f8e"})
    assert refusal(shop, facts, shop.request({"web": "2.0"}), ArtefactGone) == (
        "web 2.0 (web-2.0) cannot run: its files hold 9f8e; "
        "make it again with `nexus release build web`, or deploy another release"
    )


def test_all_that_stands_in_the_way_is_told_at_once_and_for_the_record(shop: Shop) -> None:
    facts = shop.facts(at=BLACK_FRIDAY, misfits=shop.misfit("web 1.0", "till 2.0", GONE))
    request = shop.request({"till": "2.0"}, forced=True)
    found = objections(shop.stack, facts, request)
    assert [(each.waiver, waived(each, request)) for each in found] == [("force", True), ("override", False)]
    with pytest.raises(ContractBroken) as caught:
        plan_deploy(shop.stack, facts, replace(request, forced=False))
    assert len(str(caught.value).splitlines()) == 2
