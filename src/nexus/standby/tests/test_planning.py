"""The plans around a standby, as they are printed."""

from __future__ import annotations

from pathlib import Path

from nexus.standby.planning import Takeover, Wish, plan_add, plan_failover, plan_remove, plan_switchover

HOLDER, TO, ASIDE = Path("/d/postgres"), Path("/d/postgres@2"), Path("/d/postgres@moved-3")
TAKEOVER = Takeover("postgres", HOLDER, TO, ASIDE, 3, "it is dead")


def _actions(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if line.strip()[:1].isdigit()]


def test_the_first_standby_is_copied() -> None:
    plan = plan_add("postgres", TO, False, False, Wish(synchronous=True), "ana")
    assert _actions(plan.text()) == ["admit", "copy", "follow", "stream"]
    assert "let each commit wait for it" in plan.text()


def test_a_fenced_primary_is_brought_back_and_not_copied() -> None:
    plan = plan_add("postgres", ASIDE, True, False, Wish(), "ana")
    assert _actions(plan.text()) == ["admit", "rewind", "follow", "stream"]


def test_only_the_wish_of_a_standby_that_is_there_changes() -> None:
    plan = plan_add("postgres", TO, False, True, Wish(auto=True), "ana")
    assert _actions(plan.text()) == ["follow", "stream"]


def test_nothing_is_promoted_before_the_old_primary_is_fenced() -> None:
    plan = plan_failover(TAKEOVER)
    assert plan.text() == (
        "fail over postgres: 5 steps\n"
        "  1. fence postgres: kill every process that works in /d/postgres, and mark the folder so that "
        "nothing starts it\n"
        "     because it is dead; undo: start it again\n"
        "  2. catch_up postgres-standby: replay what the old primary wrote and did not send any more\n"
        "     because its processes are gone; after 1\n"
        "  3. promote postgres-standby: make it the primary\n"
        "     because its processes are gone; after 2\n"
        "  4. repoint postgres: have the stable address of the database lead to it; nothing else is "
        "restarted\n"
        "     because it is dead; after 3\n"
        "  5. verify postgres: commit something through the stable address of the database\n"
        "     because it is dead; after 4"
    )
    assert all(step.arguments["epoch"] == "3" for step in plan.steps)


def test_a_primary_that_lives_is_stopped_in_order_and_follows() -> None:
    actions = _actions(plan_switchover(TAKEOVER).text())
    assert actions == [
        "hand_over",
        "catch_up",
        "promote",
        "repoint",
        "verify",
        "admit",
        "rewind",
        "follow",
    ]
    assert plan_switchover(TAKEOVER).steps[-1].arguments == {"data": str(ASIDE)}


def test_removing_ends_the_waiting_first() -> None:
    assert _actions(plan_remove("postgres", TO, "ana").text()) == ["dismiss", "discard"]
