"""The plan of a restore in place, compared as printed text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nexus.control.facts import Facts, InstanceFacts
from nexus.control.restoring.begun import Begun
from nexus.control.restoring.plan import Situation, ids, plan_restore
from nexus.control.restoring.requests import Wish
from nexus.control.restoring.undo import plan_give_up, plan_undo
from nexus.recovery.restoring.target import Target
from nexus.stack import Stack, load_stack

MANIFESTS = {
    "nexus.yaml": """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  cache: {kind: cache, runtime: valkey, port: 6379}
""",
    "modules/gate/module.yaml": "{name: gate, kind: gateway, runtime: haproxy, port: 5001}",
    "modules/pages/module.yaml": """\
{name: pages, runtime: python, port: 5002, needs: {hard: [gate]}, routes: [/]}
""",
    "modules/till/module.yaml": """\
{name: till, runtime: python, port: 5003, needs: {hard: [db, cache]}, routes: [/api/till],
 database: {schema: till}}
""",
    "modules/desk/module.yaml": """\
{name: desk, runtime: python, port: 5004, needs: {hard: [db, till]}, routes: [/api/desk]}
""",
}
ID = "20261126T023000Z-full"
AT = Wish(kind="time", at=1_800_000_000.0)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    for name, text in MANIFESTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "modules/till/migrations/1_first").mkdir(parents=True)
    (tmp_path / "modules/till/migrations/1_first/migration.sql").write_text("SELECT 1;")
    return load_stack(tmp_path)


def up(stack: Stack, *without: str) -> Facts:
    names = [service.name for service in stack.services if service.name not in without]
    instances = {
        name: (
            InstanceFacts(
                f"{name}-1",
                100,
                9000,
                stack.service(name).release,
                "ready",
                0.0,
                knows=frozenset(service.name for service in stack.services),
            ),
        )
        for name in names
    }
    ports = {service.name: service.port for service in stack.services}
    return Facts(ports, instances, frozenset({"db"}), {"till": ()})


def found(stack: Stack, wish: Wish = AT, **values: object) -> Situation:
    target = Target("lsn", name="0/5000000", backup=ID)
    begun = Begun("S", wish, target, ID, "14:30:00", lost="12 transactions", minutes=3.4, bytes=2_000_000_000)
    told = Situation(stack, stack, up(stack), begun, "db", checks=7, aside="/home/data/db.before-S")
    return replace(told, **values)  # type: ignore[arg-type]


def test_the_living_data_are_touched_only_once_all_is_proven(stack: Stack) -> None:
    text = plan_restore(found(stack)).text()
    assert (
        text + "\n"
        == """\
restore shop to 14:30:00: 13 steps
  note: reaches 14:30:00, from backup 20261126T023000Z-full
  note: lost: 12 transactions
  note: takes about 3 min; 2.0 GB are restored
  note: the present data are kept in /home/data/db.before-S; `nexus restore --undo` puts them back
   1. restore db: restore backup 20261126T023000Z-full beside, replay to 14:30:00, verify every file
      because the operator asked for it; undo: remove what was restored; nothing was changed
   2. prove db: start it apart, set today's passwords, ask 7 invariants
      because data are used only when they are proven; after 1
   3. stop desk: let requests in flight end, then stop it
      because it writes; after 2; undo: start it
   4. stop till: let requests in flight end, then stop it
      because it writes; after 3; undo: start it
   5. stop db: shut it down
      because its data are exchanged; after 4; undo: start it
   6. swap db: move the present data aside to /home/data/db.before-S, put the restored ones in their place
      because what was restored is proven; after 5; undo: `nexus restore --undo` puts them back
   7. empty cache: delete all it holds; modules send again what was not acknowledged
      because its streams tell of what is not there any more; after 6
   8. start db: start 1 instance, ready on port 5433
      because it does not run; after 6; undo: stop it
   9. migrate till: create role and schema, apply what is pending
      because the database does not run yet; after 8
  10. start till: start 1 instance, ready on port 5003
      because it does not run; after 7, 9; undo: stop it
  11. start desk: start 1 instance, ready on port 5004
      because it does not run; after 10; undo: stop it
  12. check db: ask 7 invariants of what runs
      because the books must be right; after 11
  13. resume db: have the stream go on in the new timeline, and ask for a full backup
      because what comes now has no backup yet; after 12
"""
    )


def test_for_the_latest_state_writers_stand_still_before_it_is_read(stack: Stack) -> None:
    plan = plan_restore(found(stack, Wish()))
    order = ids(plan.steps)
    assert order.index("stop till") < order.index("seal") < order.index("restore") < order.index("stop db")
    without_database = plan_restore(found(stack, Wish(), facts=up(stack, "db")))
    assert "seal" not in ids(without_database.steps)


def test_pages_without_data_and_the_gateway_go_on_answering(stack: Stack) -> None:
    stopped = {step.target for step in plan_restore(found(stack)).steps if step.action == "stop"}
    assert stopped == {"till", "desk", "db"}


def test_a_module_whose_release_changes_stands_still_too(stack: Stack) -> None:
    begun = replace(found(stack).begun, releases={"pages": "older"}, before={"pages": "newer"})
    plan = plan_restore(found(stack, begun=begun))
    assert {"stop pages", "start pages", "releases"} <= set(ids(plan.steps))
    assert "releases of that time run afterwards: pages newer → older" in plan.notes


def test_what_is_done_is_not_done_again(stack: Stack) -> None:
    begun = replace(found(stack).begun, done=("restore", "prove"))
    order = ids(plan_restore(found(stack, begun=begun)).steps)
    assert "restore" not in order
    assert "prove" not in order
    assert order.index("stop till") < order.index("swap")


def test_once_the_data_are_exchanged_only_what_is_missing_is_started(stack: Stack) -> None:
    begun = replace(found(stack).begun, done=("restore", "prove", "swap", "empty cache"), phase="swapping")
    facts = replace(up(stack, "till", "desk"), pending={"till": ()})
    plan = plan_restore(found(stack, begun=begun, facts=facts))
    assert ids(plan.steps) == ("start till", "start desk", "check", "resume")


def test_the_cache_is_emptied_before_anybody_writes(stack: Stack) -> None:
    plan = plan_restore(found(stack))
    start = next(step for step in plan.steps if step.id == "start till")
    assert "empty cache" in start.after


def test_what_is_lost_is_counted_once_nobody_writes(stack: Stack) -> None:
    begun = replace(found(stack).begun, done=("restore", "prove", "count"))
    order = ids(plan_restore(found(stack, counts=True, begun=begun)).steps)
    assert order.index("stop till") < order.index("count") < order.index("stop db")
    assert "count" not in ids(plan_restore(found(stack, Wish(), counts=True)).steps)


def test_each_cache_is_emptied_although_another_was(stack: Stack) -> None:
    begun = replace(found(stack).begun, done=("restore", "prove", "swap", "empty other"), phase="swapping")
    assert "empty cache" in ids(plan_restore(found(stack, begun=begun)).steps)


def test_undoing_puts_data_and_releases_back(stack: Stack) -> None:
    begun = replace(found(stack).begun, phase="undoing", releases={"till": stack.service("till").release})
    order = ids(plan_undo(found(stack, begun=begun)).steps)
    assert (
        order.index("stop db") < order.index("swap_back") < order.index("releases") < order.index("start db")
    )


def test_giving_up_before_the_exchange_only_removes_what_lies_beside(stack: Stack) -> None:
    assert ids(plan_give_up(found(stack)).steps) == ("drop",)
    facts = up(stack, "till", "desk")  # stopped for the latest state
    assert set(ids(plan_give_up(found(stack, facts=facts)).steps)) == {"drop", "start till", "start desk"}
