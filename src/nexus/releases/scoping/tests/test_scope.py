"""How far a rollback reaches, compared as printed text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nexus.releases.conftest import Shop
from nexus.releases.errors import UnknownModule
from nexus.releases.facts import RolloutFacts
from nexus.releases.scope import Broken, decide_scope
from nexus.releases.scoping.history import ways_back

CHANNEL = "web relies on channel of GET /api/till/orders (till): it is not there"
THREE = {"till": "2.0", "stock": "2.0", "press": "2.0"}


def text(shop: Shop, facts: RolloutFacts, broken: Broken, cause: str = "it fails") -> str:
    return decide_scope(shop.stack, facts, broken, cause).text()


def one_after_another(shop: Shop) -> RolloutFacts:
    """Till, then web were released; the set with both is not judged yet."""
    return shop.running(
        {"till": "2.0", "web": "2.0"},
        sets=(
            shop.set(3, None, till="2.0", web="2.0"),
            shop.set(2, None, till="2.0"),
            shop.set(1, True),
        ),
        deployments=(
            shop.deployment(3, {"web": ("1.0", "2.0")}, 600),
            shop.deployment(2, {"till": ("1.0", "2.0")}, 1200),
        ),
    )


def together(shop: Shop) -> RolloutFacts:
    """Till, stock and press were released by one deployment."""
    return shop.running(
        THREE,
        sets=(shop.set(2, None, **THREE), shop.set(1, True)),
        deployments=(shop.deployment(2, dict.fromkeys(THREE, ("1.0", "2.0"))),),
    )


def test_a_module_goes_back_alone_when_all_else_fits_with_its_former_release(shop: Shop) -> None:
    assert (
        text(shop, one_after_another(shop), Broken("till"), "20 % of its answers fail")
        == """\
because 20 % of its answers fail: till alone: nothing beside it is known to need the present one
  till 2.0 → 1.0: 20 % of its answers fail"""
    )


def test_what_since_came_to_rely_on_it_goes_along(shop: Shop) -> None:
    facts = replace(one_after_another(shop), misfits=shop.misfit("web 2.0", "till 1.0", CHANNEL))
    assert (
        text(shop, facts, Broken("till"))
        == f"""\
because it fails: till, and web with it: nothing else is known to need their present releases
  till 2.0 → 1.0: it fails
  web 2.0 → 1.0: does not fit with till 1.0: {CHANNEL}"""
    )


def test_a_provider_goes_along_that_gave_up_what_the_former_release_relies_on(shop: Shop) -> None:
    gone = "till relies on quantity of GET /internal/stock (stock): it is gone"
    facts = shop.running(
        {"till": "2.0", "stock": "2.0"},
        sets=(
            shop.set(3, None, till="2.0", stock="2.0"),
            shop.set(2, None, till="2.0"),
            shop.set(1, True),
        ),
        misfits=shop.misfit("till 1.0", "stock 2.0", gone),
    )
    assert f"stock 2.0 → 1.0: does not fit with till 1.0: {gone}" in text(shop, facts, Broken("till"))


def test_it_goes_on_until_all_fits(shop: Shop) -> None:
    facts = shop.running(
        {"login": "2.0", "till": "2.0", "web": "2.0"},
        sets=(shop.set(2, None, login="2.0", till="2.0", web="2.0"), shop.set(1, True)),
        misfits={
            **shop.misfit("till 2.0", "login 1.0", "till relies on roles"),
            **shop.misfit("web 2.0", "till 1.0", CHANNEL),
        },
    )
    scope = decide_scope(shop.stack, facts, Broken("login"), "x")
    assert scope.reach == "dependents"
    assert [member.service for member in scope.members] == ["login", "till", "web"]


def test_two_that_ran_well_together_need_no_proof_that_they_fit(shop: Shop) -> None:
    """Web tells nothing of what it relies on; but it ran with the former till: it needs nothing newer."""
    facts = shop.running(
        {"till": "2.0", "web": "2.0"},
        sets=(shop.set(3, None, till="2.0", web="2.0"), shop.set(2, True, web="2.0"), shop.set(1, True)),
        misfits=shop.misfit("web 2.0", "till 1.0", CHANNEL),
    )
    assert decide_scope(shop.stack, facts, Broken("till"), "x").reach == "module"


def test_the_newest_earlier_release_that_fits_is_taken(shop: Shop) -> None:
    facts = shop.running(
        {"till": "2.0", "web": "3.0"},
        sets=(
            shop.set(4, None, till="2.0", web="3.0"),
            shop.set(3, None, till="2.0", web="2.0"),
            shop.set(2, None, till="2.0"),
            shop.set(1, True),
        ),
        misfits={
            **shop.misfit("web 3.0", "till 1.0", CHANNEL),
            **shop.misfit("web 2.0", "till 1.0", CHANNEL),
        },
    )
    scope = decide_scope(shop.stack, facts, Broken("till"), "x")
    assert [(each.service, each.to.version) for each in scope.members] == [("till", "1.0"), ("web", "1.0")]


def test_what_came_in_the_same_deployment_goes_along_if_one_needs_the_other(shop: Shop) -> None:
    assert (
        text(shop, together(shop), Broken("till"))
        == """\
because it fails: till, and stock with it: nothing else is known to need their present releases
  till 2.0 → 1.0: it fails
  stock 2.0 → 1.0: came with till in deployment 2, and till needs stock"""
    )


def test_events_tie_modules_too(shop: Shop) -> None:
    facts = shop.running(
        {"stock": "2.0", "news": "2.0"},
        sets=(shop.set(2, None, stock="2.0", news="2.0"), shop.set(1, True)),
        deployments=(shop.deployment(2, {"stock": ("1.0", "2.0"), "news": ("1.0", "2.0")}),),
    )
    assert "news hears what stock tells" in text(shop, facts, Broken("stock"))


def test_when_no_former_releases_fit_everything_goes_back_to_the_last_healthy_set(shop: Shop) -> None:
    facts = replace(
        one_after_another(shop),
        misfits={
            **shop.misfit("web 2.0", "till 1.0", CHANNEL),
            **shop.misfit("web 1.0", "till 1.0", "web relies on total"),
            **shop.misfit("web 3.0", "till 1.0", "web relies on total"),
        },
        sets=(
            shop.set(4, None, till="2.0", web="2.0"),
            shop.set(3, None, till="2.0"),
            shop.set(2, True, till="3.0", web="3.0", login="3.0"),
        ),
    )
    assert text(shop, facts, Broken("till", to=shop.release("till", "1.0"))) == (
        "because it fails: everything to set 2, the last that was healthy: "
        f"no earlier release of web fits: {CHANNEL}\n"
        "  login 1.0 → 3.0: set 2 held it\n"
        "  till 2.0 → 3.0: set 2 held it\n"
        "  web 2.0 → 3.0: set 2 held it"
    )


def test_a_process_blames_the_release_whose_own_figures_are_bad(shop: Shop) -> None:
    facts = replace(one_after_another(shop), bad={"till": "12 % of its answers fail"})
    assert (
        text(shop, facts, Broken(process="sale"), "sale spends its error budget 14 times too fast")
        == """\
because sale spends its error budget 14 times too fast: \
till alone: nothing beside it is known to need the present one
  till 2.0 → 1.0: released lately, and its own figures are bad: 12 % of its answers fail"""
    )


def test_of_several_with_bad_figures_the_one_that_the_others_need_is_blamed(shop: Shop) -> None:
    facts = shop.running(
        {"login": "2.0", "till": "2.0"},
        sets=(shop.set(3, None, login="2.0", till="2.0"), shop.set(2, None, login="2.0"), shop.set(1, True)),
        deployments=(
            shop.deployment(3, {"till": ("1.0", "2.0")}, 60),
            shop.deployment(2, {"login": ("1.0", "2.0")}, 900),
        ),
        bad={"login": "slow", "till": "slow"},
    )
    scope = decide_scope(shop.stack, facts, Broken(process="sale"), "x")
    assert [member.service for member in scope.members] == ["login"]


def test_a_process_blames_the_only_late_release_that_carries_it(shop: Shop) -> None:
    assert (
        text(shop, one_after_another(shop), Broken(process="sale"))
        == """\
because it fails: till alone: nothing beside it is known to need the present one
  till 2.0 → 1.0: the only release of late that carries sale"""
    )


def test_or_the_only_one_that_is_needed_by_what_carries_it(shop: Shop) -> None:
    facts = shop.running(
        {"login": "2.0", "web": "2.0"},
        sets=(shop.set(2, None, login="2.0", web="2.0"), shop.set(1, True)),
        deployments=(shop.deployment(2, {"login": ("1.0", "2.0"), "web": ("1.0", "2.0")}),),
    )
    assert "login 2.0 → 1.0: the only release of late that is needed by what carries sale" in text(
        shop, facts, Broken(process="sale")
    )


def test_without_a_single_culprit_everything_goes_back_to_the_last_healthy_set(shop: Shop) -> None:
    assert (
        text(shop, together(shop), Broken(process="sale"))
        == """\
because it fails: everything to set 1, the last that was healthy: \
stock and till were released lately and nothing tells which is to blame
  press 2.0 → 1.0: set 1 held it
  stock 2.0 → 1.0: set 1 held it
  till 2.0 → 1.0: set 1 held it"""
    )


def test_when_nothing_was_released_lately_a_rollback_is_no_remedy(shop: Shop) -> None:
    facts = shop.running(
        {"till": "2.0"},
        sets=(shop.set(2, True, till="2.0"), shop.set(1, True)),
        deployments=(shop.deployment(2, {"till": ("1.0", "2.0")}, 90_000),),
    )
    scope = decide_scope(shop.stack, facts, Broken(process="sale"), "it fails")
    assert (
        scope.text() == "because it fails: nothing was released lately: a rollback would mend nothing of sale"
    )
    assert not scope.possible


def test_never_across_a_contract_migration_and_what_can_be_done_instead_is_told(shop: Shop) -> None:
    beyond = {
        **shop.migration("till", "1.0", "2_drop", "line 1 drops the column notes of orders"),
        **shop.migration("stock", "1.0", "2_add"),
    }
    facts = replace(together(shop), beyond=beyond)
    scope = decide_scope(shop.stack, facts, Broken("till"), "it fails")
    assert not scope.possible
    assert scope.text().splitlines()[-3:] == [
        "  cannot be: till 1.0 cannot run on its schema: migration 2_drop is applied, a contract "
        "(line 1 drops the column notes of orders)",
        "  instead: roll forward: deploy a mended release that knows the migration",
        "  instead: restore a backup from before the migration; what was written since is lost",
    ]
    assert decide_scope(shop.stack, facts, Broken("press"), "it fails").possible


def test_it_goes_back_to_the_newest_release_that_was_healthy_and_never_to_one_that_was_given_up(
    shop: Shop,
) -> None:
    sets = (
        shop.set(4, None, till="3.0"),
        shop.set(3, None),
        shop.set(2, True, till="2.0"),
        shop.set(1, True),
    )
    facts = shop.running({"till": "3.0"}, sets=sets)
    assert "till 3.0 → 1.0" in text(shop, facts, Broken("till"))
    unhealthy = replace(facts, sets=(sets[0], shop.set(3, False, till="2.0"), shop.set(1, True)))
    assert "till 3.0 → 1.0" in text(shop, unhealthy, Broken("till"))
    given_up = replace(
        facts,
        sets=(shop.set(4, None, till="3.0"), shop.set(2, True, till="2.0"), shop.set(1, True)),
        deployments=(
            shop.deployment(4, {"till": ("1.0", "3.0")}),
            shop.deployment(3, {"till": ("2.0", "1.0")}, kind="rollback"),
            shop.deployment(2, {"till": ("1.0", "2.0")}),
        ),
    )
    assert "till 3.0 → 1.0" in text(shop, given_up, Broken("till"))
    assert "till 3.0 → 2.0" in text(shop, replace(given_up, deployments=()), Broken("till"))


def test_an_operator_may_name_the_release(shop: Shop) -> None:
    facts = shop.running({"till": "3.0"}, sets=(shop.set(1, True),))
    assert "till 3.0 → 2.0: asked by ana" in text(
        shop, facts, Broken("till", to=shop.release("till", "2.0")), "asked by ana"
    )


def test_what_cannot_run_any_more_or_is_forgotten_is_told(shop: Shop) -> None:
    facts = replace(one_after_another(shop), gone={("till", "till-1.0"): "its files hold 9f8e"})
    assert text(shop, facts, Broken("till")).endswith("till 1.0 (till-1.0) cannot run: its files hold 9f8e")
    unread = replace(one_after_another(shop), beyond={})
    assert text(shop, unread, Broken("till")).endswith(
        "till 1.0 (till-1.0) cannot run: its migrations were not read"
    )
    key = ("till", "till-1.0")
    adds = shop.migration("till", "1.0", "2_add")
    stuck = replace(one_after_another(shop), stuck={key: "2_add failed"}, pending=adds)
    assert text(shop, stuck, Broken("till")).endswith("till 1.0 (till-1.0) cannot run: 2_add failed")
    takes = shop.migration("till", "1.0", "2_drop", "line 1 drops a")
    assert "cannot run" not in text(shop, replace(stuck, pending=takes), Broken("till"))
    forgotten = replace(together(shop), releases={name: {} for name in THREE})
    scope = decide_scope(shop.stack, forgotten, Broken(process="sale"), "x")
    assert scope.blocked == tuple(f"{name} {name}-1.0 is not known any more" for name in sorted(THREE))


def test_what_is_unknown_is_refused_with_the_nearest_name(shop: Shop) -> None:
    for broken, expected in (
        (Broken("til"), "no service 'til' is part of this stack; did you mean 'till'?"),
        (Broken(process="sales"), "no process 'sales' is part of this stack; did you mean 'sale'?"),
    ):
        with pytest.raises(UnknownModule) as caught:
            decide_scope(shop.stack, shop.facts(), broken, "x")
        assert str(caught.value) == expected
    with pytest.raises(UnknownModule, match="till has no release that runs yet"):
        decide_scope(shop.stack, replace(shop.facts(), stable={}), Broken("till"), "x")


def test_what_a_rollback_may_lead_to_is_known_before_it_is_planned(shop: Shop) -> None:
    facts = shop.running(
        {"till": "3.0"},
        sets=(
            shop.set(4, None, till="3.0"),
            shop.set(3, True, till="2.0", web="2.0"),
            shop.set(2, False, login="2.0"),
            shop.set(1, True),
        ),
    )
    found = {release.title for release in ways_back(facts)}
    assert {"till 2.0 (till-2.0)", "till 1.0 (till-1.0)", "web 2.0 (web-2.0)"} <= found
    assert "login 2.0 (login-2.0)" not in found, "it ran in a sick set alone"
