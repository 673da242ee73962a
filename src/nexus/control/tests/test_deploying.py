"""Deploys of a small stack by the `nexus` command: how they end, and what is known of it afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from nexus.control.tests.shop_stack import Shop, shop_stack

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with shop_stack() as running:
        yield running


def assert_all_of(shop: Shop, version: str) -> None:
    """One release runs, answers and is recorded as the stable one; nothing is under way."""
    assert shop.answers() == {version}
    known = shop.releases()
    stable = known["stable"]["shop"]
    assert shop.running() == [("stable", stable)]
    status = shop.deployment()
    assert (status["running"], status["unfinished"]) == (None, [])
    assert [each["id"] for each in known["releases"] if each["stable"]] == [stable]
    assert not any(each["candidate"] for each in known["releases"])


def test_a_deploy_lets_the_sources_in_and_says_how_it_ended(shop: Shop) -> None:
    shop.write("2")
    plan = shop.stack.nexus("deploy", "shop", "--plan")
    assert "promote shop" in plan
    assert shop.answers() == {"1"}
    code, last = shop.deploy()
    assert (code, last["state"]) == (0, "promoted")
    assert_all_of(shop, "2")
    latest = shop.releases()["deployments"][0]
    assert (latest["state"], latest["kind"], latest["services"].keys()) == ("promoted", "deploy", {"shop"})
    assert [each["action"] for each in latest["evidence"]["steps"]][-2:] == ["promote", "watch"]


def test_a_rollback_goes_to_the_last_release_that_was_healthy(shop: Shop) -> None:
    before = shop.answers()
    shop.write("2b")
    assert shop.deploy("--strategy", "rolling", "--bake", "0s")[0] == 0
    plan = shop.stack.nexus("rollback", "shop", "--plan")
    assert "shop alone" in plan
    code, last = shop.killed_at("replace", "rollback", "shop", "--yes")  # it is taken up as what it is
    assert (code, last["state"]) == (0, "promoted")
    assert_all_of(shop, *before)
    latest = shop.releases()["deployments"][0]
    assert latest["kind"] == "rollback"
    assert {each["action"] for each in latest["evidence"]["steps"]} <= {"build", "replace", "watch"}


def test_a_killed_control_loop_is_followed_by_one_that_brings_the_deploy_to_its_end(shop: Shop) -> None:
    shop.write("3")
    code, last = shop.killed_at("promote")
    assert (code, last["state"]) == (0, "promoted")
    assert_all_of(shop, "3")


def test_a_release_that_cannot_start_leaves_all_as_it_was_and_says_why(shop: Shop) -> None:
    before = shop.answers()
    shop.write("6", mood="ends")
    code, last = shop.deploy()
    assert (code, last["state"]) == (1, "failed")
    assert "no such table" in last["sentence"]
    assert_all_of(shop, *before)


def test_a_loop_killed_on_the_way_back_is_followed_by_one_that_goes_all_the_way(shop: Shop) -> None:
    before = shop.answers()
    shop.write("7", mood="ends")
    code, last = shop.killed_at("abandon")
    assert (code, last["state"]) == (1, "failed")
    assert_all_of(shop, *before)


def test_a_deploy_stands_still_goes_on_and_goes_back_as_its_operators_want(shop: Shop) -> None:
    before = shop.answers()
    shop.write("8")
    with shop.begin("deploy", "shop", "--hold", "30s") as running:
        assert running.stdout is not None
        next(line for line in running.stdout if "shift shop" in line)
        shop.control.post("/v1/deploy/pause", {"who": "ana"})
        assert "paused" in shop.stack.nexus("deploy", "--status")
        with shop.begin("deploy", "shop", "--bake", "2s") as second:
            assert second.stdout is not None
            assert "is changing this stack" in second.stdout.readline()
            second.send_signal(signal.SIGINT)
            assert "withdrawn" in second.stdout.read()
        assert shop.control.post("/v1/deploy/resume", {"who": "ana"})["stands_still"] is False
        shop.stack.nexus("deploy", "--abort")
        assert "aborted by" in running.stdout.read()
    assert running.returncode == 1
    assert_all_of(shop, *before)
    known = shop.releases()
    assert [each["what"] for each in known["trail"]][:4] == ["abort", "resume", "pause", "deploy"]


def test_a_bad_release_that_got_all_requests_gives_them_back_to_the_warm_one(shop: Shop) -> None:
    before, known = shop.answers(), shop.releases()
    shop.write("4", mood="fails")
    with shop.asked():
        code, last = shop.deploy("--strategy", "blue-green", "--bake", "20s")
    assert (code, last["state"]) == (1, "rolled back")
    assert "requests failed" in last["cause"]
    assert "promote" not in {each["action"] for each in last["evidence"]["steps"]}
    assert_all_of(shop, *before)
    assert shop.releases()["sets"] == known["sets"]
