"""The plan of `up`, compared as printed text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nexus.control.facts import AgentFacts, Facts, InstanceFacts
from nexus.control.plan_up import plan_up
from nexus.control.releasing import released
from nexus.stack import Stack, load_stack

MANIFESTS = {
    "nexus.yaml": """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  edge: {kind: edge, runtime: nginx, port: 80, upstreams: {/api/: gate}}
""",
    "modules/gate/module.yaml": "{name: gate, kind: gateway, runtime: haproxy, port: 5001}",
    "modules/login/module.yaml": """\
{name: login, runtime: python, port: 5002, needs: {hard: [db]}, routes: [/api/login], jwks: /keys,
 database: {schema: login}}
""",
    "modules/till/module.yaml": """\
{name: till, runtime: python, port: 5003, needs: {hard: [login], soft: [stock]}, routes: [/api/till],
 scale: {min: 2}}
""",
    "modules/stock/module.yaml": "{name: stock, runtime: python, port: 5004, routes: [/api/stock]}",
}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    for name, text in MANIFESTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "modules/login/migrations/1_first").mkdir(parents=True)
    (tmp_path / "modules/login/migrations/1_first/migration.sql").write_text("SELECT 1;")
    return load_stack(tmp_path)


def running(
    stack: Stack, name: str, number: int = 1, state: str = "ready", **values: object
) -> InstanceFacts:
    release = stack.service(name).release if stack.has(name) else "x"
    knows = frozenset(service.name for service in stack.services)
    facts = InstanceFacts(f"{name}-{number}", 100 + number, 9000 + number, release, "ready", 0.0, knows=knows)
    return replace(facts, state=state, **values)  # type: ignore[arg-type]


def whole(stack: Stack) -> Facts:
    ports = {service.name: service.port for service in stack.services}
    instances = {
        s.name: tuple(running(stack, s.name, n) for n in range(1, s.scale.min + 1)) for s in stack.services
    }
    return Facts(ports, instances, frozenset({"db"}), {"login": ()})


def test_from_nothing_each_service_starts_after_what_it_needs(stack: Stack) -> None:
    ports = {service.name: service.port for service in stack.services}
    secrets = {"db": ("admin_url",)}
    plan = plan_up(stack, Facts(ports, pending={"login": None}, secrets_missing=secrets, keys=False))
    assert (
        plan.text()
        == """\
bring shop up: 10 steps
   1. secrets shop: generate them, each a file only its service can read
      because 1 secrets of 1 services do not exist yet
   2. initialise db: create an empty one
      because it has no data folder; after 1; undo: remove it
   3. start db: start 1 instance, ready on port 5433
      because it does not run; after 1, 2; undo: stop it
   4. migrate login: create role and schema, apply what is pending
      because the database does not run yet; after 1, 3
   5. start gate: start 1 instance, ready on port 5001
      because it does not run; after 1; undo: stop it
   6. start login: start 1 instance, ready on port 5002
      because it does not run; after 1, 3, 4, 5; undo: stop it
   7. start stock: start 1 instance, ready on port 5004
      because it does not run; after 1, 5; undo: stop it
   8. start till: start 2 instances, ready on port 5003
      because it does not run; after 1, 5, 6; undo: stop it
   9. start edge: start 1 instance, ready on port 80
      because it does not run; after 1, 3, 5, 6, 7, 8; undo: stop it
  10. keys gate: fetch the keys of login
      because it knows no key to verify tokens with; after 5, 6"""
    )


def test_a_whole_stack_needs_nothing(stack: Stack) -> None:
    assert plan_up(stack, whole(stack)).empty


def test_a_missing_instance_is_the_only_thing_started(stack: Stack) -> None:
    facts = whole(stack)
    facts = replace(facts, instances={**facts.instances, "till": (running(stack, "till"),)})
    assert (
        plan_up(stack, facts).text()
        == """\
bring shop up: 1 step
  1. start till: start 1 instance, ready on port 5003
     because 1 of 2 instances run; undo: stop it"""
    )


def test_an_instance_that_runs_but_is_not_ready_is_waited_for_and_the_cause_told(stack: Stack) -> None:
    facts = whole(stack)
    ill = running(stack, "stock", state="degraded", why="database: no answer")
    plan = plan_up(stack, replace(facts, instances={**facts.instances, "stock": (ill,)}))
    assert [(step.does, step.cause) for step in plan.steps] == [
        ("wait for it, ready on port 5004", "stock-1 is degraded (database: no answer)")
    ]


def test_pending_migrations_are_named(stack: Stack) -> None:
    plan = plan_up(stack, replace(whole(stack), pending={"login": ("1_first",)}))
    assert [(step.id, step.cause) for step in plan.steps] == [("migrate login", "pending: 1_first")]


def test_a_brick_switched_off_is_stopped_the_others_stay_and_the_plan_says_what_is_degraded(
    stack: Stack,
) -> None:
    facts = replace(whole(stack), outdated=frozenset({"gate"}))
    smaller = stack.subset(["gate", "login", "till"])
    plan = plan_up(smaller, facts)
    assert [step.id for step in plan.steps] == ["stop stock", "reload gate"]
    assert plan.notes == ("till runs degraded: stock is off",)


def test_a_module_started_without_a_brick_it_needs_softly_is_restarted_once_that_is_there(
    stack: Stack,
) -> None:
    facts = whole(stack)
    lonely = tuple(running(stack, "till", n, knows=frozenset({"login"})) for n in (1, 2))
    plan = plan_up(stack, replace(facts, instances={**facts.instances, "till": lonely, "stock": ()}))
    assert [(step.id, step.after) for step in plan.steps] == [
        ("start stock", ()),
        ("restart till", ("start stock",)),
    ]


def test_an_instance_of_another_release_is_told_but_not_replaced(stack: Stack) -> None:
    facts = whole(stack)
    old = running(stack, "stock", release="aaaaaaaaaaaa")
    facts = replace(facts, instances={**facts.instances, "stock": (old,), "edge": ()})
    plan = plan_up(stack, facts)
    assert [step.id for step in plan.steps] == ["start edge"]
    assert plan.notes[0].startswith("stock-1 runs release aaaaaaaaaaaa, stable is")


def test_other_sources_than_the_stable_release_are_told_even_when_nothing_is_to_do(stack: Stack) -> None:
    stable = {service.name: service.digest for service in stack.services}
    told = released(stack, {**stable, "stock": "aaaaaaaaaaaa", "till": f"{stable['till']}-2"})
    plan = plan_up(stack, whole(stack), told)
    assert plan.empty
    assert plan.notes == (
        f"stock: its sources hold {stable['stock']}, stable is aaaaaaaaaaaa; "
        "`nexus deploy stock` changes over",
    )


def test_what_has_no_release_gets_its_first_before_it_is_built_migrated_or_started(stack: Stack) -> None:
    ports = {service.name: service.port for service in stack.services}
    facts = Facts(ports, pending={"login": None}, unbuilt={"stock": "it was never built"})
    plan = plan_up(stack, facts, released(stack, {"gate": stack.service("gate").digest}))
    assert plan.steps[0].arguments == {"services": "db,edge,login,stock,till"}
    assert (
        plan.text().splitlines()[1:3]
        == """\
   1. release shop: keep what runs from now on: db, edge, login, stock, till
      because 5 services have no release yet""".splitlines()
    )
    after = {step.id for step in plan.steps if "release" in step.after}
    assert after == {
        *("build stock", "migrate login"),
        *(f"start {name}" for name in ("gate", "login", "stock", "till")),
    }


def with_agent(stack: Stack, *running: InstanceFacts, unbuilt: str = "", **values: object) -> Facts:
    """A whole stack in containers whose agent of telemetry is as told; the platform holds release `new`."""
    facts = whole(stack)
    return replace(
        facts,
        ports={**facts.ports, "telemetry": 4318},
        instances={**facts.instances, "telemetry": running},
        agent=AgentFacts("new", unbuilt),
        **values,  # type: ignore[arg-type]
    )


def agent(release: str = "new", state: str = "ready") -> InstanceFacts:
    return InstanceFacts("telemetry-1", 7, 4318, release, state, 0.0, container="c")  # type: ignore[arg-type]


def test_the_agent_of_telemetry_is_built_and_started_and_nothing_waits_for_it(stack: Stack) -> None:
    plan = plan_up(stack, with_agent(stack, unbuilt="there is no image of release new"))
    assert (
        plan.text()
        == """\
bring shop up: 2 steps
  1. build telemetry: build its release new
     because there is no image of release new
  2. start telemetry: take in telemetry on port 4318
     because it does not run; after 1; undo: stop it"""
    )


def test_an_agent_of_another_release_is_replaced_and_one_with_other_targets_is_told(stack: Stack) -> None:
    assert plan_up(stack, with_agent(stack, agent())).empty
    (replaced,) = plan_up(stack, with_agent(stack, agent("old"))).steps
    assert (replaced.id, replaced.cause) == (
        "restart telemetry",
        "it runs release old, the platform holds new",
    )
    (told,) = plan_up(stack, with_agent(stack, agent(), outdated=frozenset({"telemetry"}))).steps
    assert told.id == "reload telemetry"
    (started,) = plan_up(stack, with_agent(stack, agent(state="degraded"))).steps
    assert (started.id, started.cause) == ("start telemetry", "telemetry-1 is degraded")


def test_an_agent_whose_stack_wants_no_telemetry_is_stopped(stack: Stack) -> None:
    (stopped,) = plan_up(stack, replace(with_agent(stack, agent()), agent=None)).steps
    assert (stopped.id, stopped.cause) == ("stop telemetry", "telemetry is switched off")
    assert plan_up(stack, replace(with_agent(stack), agent=None)).empty
