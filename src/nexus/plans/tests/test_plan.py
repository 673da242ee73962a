import json

import pytest

from nexus.plans import Plan, PlanError, Step


def step(id: str, *after: str, undo: str = "") -> Step:
    return Step(id, "start", id, f"{id} is down", f"run {id} and wait until it is ready", undo, after)


def test_a_plan_prints_its_steps_in_order_with_cause_predecessors_and_undo() -> None:
    plan = Plan(
        "up",
        (step("sales", "db", "auth"), step("db", undo="stop db"), step("auth", "db")),
        notes=("crm is off: sales runs degraded",),
    )
    assert plan.text() == (
        "up: 3 steps\n"
        "  note: crm is off: sales runs degraded\n"
        "  1. start db: run db and wait until it is ready\n"
        "     because db is down; undo: stop db\n"
        "  2. start auth: run auth and wait until it is ready\n"
        "     because auth is down; after 1\n"
        "  3. start sales: run sales and wait until it is ready\n"
        "     because sales is down; after 1, 2"
    )


def test_an_empty_plan_says_that_there_is_nothing_to_do() -> None:
    plan = Plan("up")
    assert plan.empty
    assert plan.text() == "up: nothing to do"


def test_a_plan_travels_as_json() -> None:
    data = json.loads(Plan("up", (step("a"), step("b", "a"))).json())
    assert [(s["number"], s["id"], s["after"]) for s in data["steps"]] == [(1, "a", []), (2, "b", ["a"])]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((step("a", "b"), step("b", "a")), "wait for each other in a circle: a, b"),
        ((step("a"), step("a")), "two steps have the id 'a'"),
        ((step("a", "z"),), "waits for 'z', which is not in the plan"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(steps: tuple[Step, ...], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        Plan("up", steps)
