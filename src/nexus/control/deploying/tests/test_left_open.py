"""Deployments that were left half way stay known, and go on when what they need is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nexus.control.deploying.left_open import beside, left_open
from nexus.control.deploying.taking_up import lacking
from nexus.control.facts import InstanceFacts, State
from nexus.releases.records import Deployment
from nexus.stack import Stack, load_stack

HELD = Deployment(
    7,
    "deploy",
    ("sales", "crm"),
    {"sales": "1", "crm": "1"},
    {"sales": "2", "crm": "2"},
    "",
    "ana",
    "",
    1.0,
    2.0,
    "held",
    "",
    {},
    {},
)
OTHER = replace(
    HELD, id=8, services=("stock",), before={"stock": "1"}, after={"stock": "2"}, state="promoted"
)
STABLE = {"sales": "1", "crm": "2", "stock": "2"}


def test_what_was_held_stays_open_whatever_else_is_deployed_later() -> None:
    assert left_open([HELD], STABLE, ()) == (HELD,)
    (found,) = left_open([OTHER, HELD], STABLE, ["sales"])
    assert found == HELD
    for state in ("interrupted", "running", "returning"):
        left = replace(HELD, state=state, ended_at=None)
        assert left_open([OTHER, left], STABLE, ["sales"]) == (left,)


def test_of_a_held_deployment_only_what_differs_and_nobody_dealt_with_is_open() -> None:
    (found,) = left_open([OTHER, HELD], STABLE, ())
    assert (found.services, found.before, found.after) == (("crm",), {"crm": "1"}, {"crm": "2"})
    later = replace(HELD, id=9, services=("crm",), state="promoted")
    assert left_open([later, OTHER, HELD], STABLE, ()) == ()
    assert [each.services for each in left_open([later, HELD], STABLE, ["sales"])] == [("sales",)]


def test_a_deploy_of_others_is_told_of_two_releases_that_were_left_side_by_side() -> None:
    said = beside([HELD], ["sales"], ["stock"])
    assert "deploy 7 left sales with two releases side by side" in said
    assert "--abort" in said
    assert beside([HELD], ["sales"], ["stock", "sales"]) == ""
    assert beside([HELD], ["stock"], ["stock"]) == ""


MANIFESTS = {
    "nexus.yaml": "name: shop\nbricks: ['*']\ninfrastructure:\n"
    "  gate: {kind: gateway, runtime: haproxy, port: 9000}\n"
    "  store: {kind: database, runtime: postgres, port: 5432}\n",
    "till/module.yaml": "{name: till, runtime: command, command: [sleep, '60'], port: 5003,"
    " needs: {hard: [stock]}}",
    "stock/module.yaml": "{name: stock, runtime: command, command: [sleep, '60'], port: 5004,"
    " needs: {hard: [store]}}",
}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    for name, text in MANIFESTS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return load_stack(tmp_path)


def seen(**states: State) -> dict[str, tuple[InstanceFacts, ...]]:
    return {name: (InstanceFacts(f"{name}-1", 100, 5000, "1", state, 1.0),) for name, state in states.items()}


def test_a_deployment_waits_for_its_infrastructure_and_for_what_is_just_starting(stack: Stack) -> None:
    assert lacking(stack, {}, ["till"]).startswith("gate is not ready")
    up = seen(gate="ready", store="ready")
    assert lacking(stack, seen(gate="ready", store="starting", till="ready"), ["till"], patient=False)
    assert lacking(stack, {**up, **seen(till="starting")}, ["till"]) == "till is just starting"
    assert lacking(stack, {**up, **seen(till="starting")}, ["till"], patient=False) == ""
    assert lacking(stack, {**up, **seen(till="ready", stock="down")}, ["till"]) == ""


def test_infrastructure_that_is_itself_being_changed_may_be_away(stack: Stack) -> None:
    assert lacking(stack, seen(gate="down"), ["gate"]) == ""
