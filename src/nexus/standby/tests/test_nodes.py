"""The plans around a standby on another node."""

from __future__ import annotations

from nexus.standby.nodes import MoveElsewhere, plan_add_elsewhere, plan_move, plan_remove_elsewhere
from nexus.standby.planning import Wish


def test_a_standby_is_admitted_before_it_copies_and_waited_for_last() -> None:
    plan = plan_add_elsewhere("db", "node2", "db-2", False, Wish(True, True), "ana")
    assert [step.action for step in plan.steps] == ["admit", "follow", "stream"]
    assert plan.steps[-1].after == ("follow",)
    assert "volume db-2 of node node2" in plan.text()


def test_changing_what_it_is_to_be_copies_nothing() -> None:
    plan = plan_add_elsewhere("db", "node2", "db-2", True, Wish(False, False), "ana")
    assert [step.action for step in plan.steps] == ["stream"]
    assert plan.steps[0].arguments == {"synchronous": "False", "auto": "False"}


def test_without_a_standby_only_old_volumes_are_emptied() -> None:
    plan = plan_remove_elsewhere("db", False, ("db of node3",), "ana")
    assert [step.action for step in plan.steps] == ["discard"]
    assert plan.steps[0].in_parts
    assert "db of node3" in plan.text()


def test_the_standby_is_promoted_only_after_the_fence_and_served_only_after_it_ended() -> None:
    plan = plan_move(MoveElsewhere("db", "node3", "node2", "db-2", 7, "node node3 is down"))
    assert [step.action for step in plan.steps] == [
        "fence",
        "promote",
        "hand_over",
        "serve",
        "verify",
        "retire",
        "mark",
    ]
    for before, step in zip(plan.steps, plan.steps[1:], strict=False):
        assert step.after == (before.id,)
        assert step.arguments["decision"] == "7"
