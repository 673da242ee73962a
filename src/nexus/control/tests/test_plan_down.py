"""The plan of `down`, compared as printed text."""

from __future__ import annotations

from pathlib import Path

from nexus.control.facts import Facts, InstanceFacts
from nexus.control.plan_down import plan_down
from nexus.stack import Stack, load_stack

MANIFESTS = {
    "nexus.yaml": """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  edge: {kind: edge, runtime: nginx, port: 80, upstreams: {/api/: gate}}
""",
    "modules/gate/module.yaml": "{name: gate, kind: gateway, runtime: haproxy, port: 5001}",
    "modules/login/module.yaml": "{name: login, runtime: python, port: 5002, needs: {hard: [db]}}",
    "modules/till/module.yaml": "{name: till, runtime: python, port: 5003, needs: {hard: [login]}}",
}


def stack_in(folder: Path) -> Stack:
    for name, text in MANIFESTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return load_stack(folder)


def facts(stack: Stack, *running: str) -> Facts:
    instances = {name: (InstanceFacts(f"{name}-1", 7, 9000, "x", "ready", 0.0),) for name in running}
    return Facts({service.name: service.port for service in stack.services}, instances)


def test_users_go_first_then_modules_by_need_then_the_gateway_and_the_database(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    plan = plan_down(stack, facts(stack, "db", "edge", "gate", "login", "till"))
    assert [(step.id, step.after) for step in plan.steps] == [
        ("stop edge", ()),
        ("stop till", ("stop edge",)),
        ("stop login", ("stop till", "stop edge")),
        ("stop gate", ("stop edge", "stop login", "stop till")),
        ("stop db", ("stop login", "stop edge")),
    ]


def test_what_does_not_run_is_not_stopped(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    plan = plan_down(stack, facts(stack, "db", "login"))
    assert [step.id for step in plan.steps] == ["stop login", "stop db"]
    assert plan_down(stack, facts(stack)).empty


def test_data_is_deleted_after_everything_has_stopped(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    plan = plan_down(stack, facts(stack, "db", "login"), delete_data=True)
    assert plan.steps[-1].id == "delete"
    assert set(plan.steps[-1].after) == {"stop login", "stop db"}


def test_backups_stay_when_data_are_deleted_unless_they_are_to_go(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    stays = plan_down(stack, facts(stack), delete_data=True, backups="/home/backups").steps[-1]
    assert "its backups stay in /home/backups, and the keys that open them" in stays.does
    assert stays.arguments == {"backups": "stay"}
    goes = plan_down(stack, facts(stack), delete_data=True).steps[-1]
    assert "its backups on this machine, the reports of drills and the keys that open any go too" in goes.does
    assert goes.arguments == {"backups": "go"}


def test_the_agent_of_telemetry_ends_when_those_are_gone_that_send_to_it(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    plan = plan_down(stack, facts(stack, "db", "gate", "login", "telemetry"))
    steps = {step.id: step.after for step in plan.steps}
    assert set(steps["stop telemetry"]) == {"stop gate", "stop login"}
    assert "stop telemetry" not in steps["stop db"]
