# ruff: noqa: E501 - a manifest in one line is easier to compare
from collections.abc import Callable
from pathlib import Path

import pytest

from nexus.stack import ManifestError, Stack, json_schema, load_stack

Write = Callable[..., Path]

ERP = """
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  cache: {kind: cache, runtime: valkey, port: 6379}
  edge: {kind: edge, runtime: nginx, port: 80, needs: {soft: [web]}, upstreams: {/: web}}
"""
BRICKS = {
    "auth": "name: auth\nruntime: python\nport: 1\nneeds: {hard: [db], soft: [users]}\ndatabase: {schema: auth}\n",
    "users": "name: users\nruntime: python\nport: 2\nneeds: {hard: [db, auth]}\n",
    "crm": "name: crm\nruntime: python\nport: 3\nneeds: {hard: [db, cache, auth], soft: [users, sales]}\n",
    "sales": "name: sales\nruntime: python\nport: 4\nneeds: {hard: [auth], soft: [crm]}\nscale: {min: 2}\n",
    "web": "name: web\nruntime: python\nport: 5\nneeds: {soft: [crm, sales]}\n",
}


@pytest.fixture
def erp(write: Write) -> Stack:
    return load_stack(write(ERP, **BRICKS))


def names(services: object) -> list[str]:
    return [service.name for service in services]  # type: ignore[attr-defined]


def test_a_foreign_stack_of_two_commands_without_infrastructure_loads(write: Write) -> None:
    stack = load_stack(
        write(
            "name: tiny\nbricks: [modules/ping, modules/pong]\n",
            ping="name: ping\nruntime: command\ncommand: [./ping, --port, 8]\nport: 7001\nneeds: {soft: [pong]}\n",
            pong="name: pong\nruntime: command\ncommand: [./pong]\nport: 7002\nenv: {SLOW: false, N: 3}\n",
        )
    )
    assert names(stack.services) == ["ping", "pong"]
    assert stack.service("ping").command == ("./ping", "--port", "8")
    assert stack.service("pong").env == {"SLOW": "false", "N": "3"}
    assert [names(level) for level in stack.levels()] == [["pong"], ["ping"]]


def test_levels_follow_hard_needs_and_those_soft_needs_that_close_no_circle(erp: Stack) -> None:
    # auth wants users softly, but users needs auth: that soft need cannot order them. crm <-> sales likewise:
    # the first one written wins.
    assert [names(level) for level in erp.levels()] == [
        ["db", "cache"],
        ["auth"],
        ["sales", "users"],
        ["crm"],
        ["web"],
        ["edge"],
    ]
    assert [names(level) for level in erp.levels(soft=False)] == [
        ["db", "cache", "edge", "web"],
        ["auth"],
        ["crm", "sales", "users"],
    ]


def test_dependents_are_told_by_kind_and_distance(erp: Stack) -> None:
    assert names(erp.dependents("db")) == ["auth", "crm", "sales", "users"]
    assert names(erp.dependents("db", transitive=False)) == ["auth", "crm", "users"]
    assert names(erp.dependents("crm", kind="soft", transitive=False)) == ["sales", "web"]
    assert names(erp.dependents("cache", kind="any")) == ["edge", "crm", "sales", "web"]


def test_a_subset_brings_the_infrastructure_it_needs_and_switches_the_rest_off(erp: Stack) -> None:
    crm = erp.subset(["auth", "users", "crm"])
    assert names(crm.services) == ["db", "cache", "auth", "crm", "users"]
    assert crm.off == ("edge", "sales", "web")
    assert [(service.name, need) for service, need in crm.degraded()] == [("crm", "sales")]
    assert names(erp.subset(["web"]).services) == ["edge", "web"]


def test_a_subset_without_a_hard_need_is_refused_by_name(erp: Stack) -> None:
    with pytest.raises(ManifestError, match=r"needs\.hard: crm needs auth; add auth or leave crm out"):
        erp.subset(["crm"])
    with pytest.raises(ManifestError, match=r"'cmr' is not on in this stack; did you mean 'crm'\?"):
        erp.subset(["cmr"])


def test_switching_a_brick_off_degrades_those_that_need_it_softly(write: Write) -> None:
    stack = load_stack(write(f"{ERP}modules: {{sales: off}}\n", **BRICKS))
    assert stack.off == ("sales",)
    assert not stack.has("sales")
    assert [(s.name, need) for s, need in stack.degraded()] == [("crm", "sales"), ("web", "sales")]
    with pytest.raises(KeyError, match="'sales' is off"):
        stack.service("sales")


def test_adding_a_folder_adds_a_brick(write: Write) -> None:
    root = write(ERP, **BRICKS)
    before = names(load_stack(root).services)
    write(ERP, fiscal="name: fiscal\nruntime: python\nport: 6\n")
    assert set(names(load_stack(root).services)) - set(before) == {"fiscal"}


def test_a_python_brick_is_started_as_its_own_package(erp: Stack) -> None:
    assert erp.service("auth").command == ("python", "-m", "nexus_auth")
    assert erp.service("auth").migrations == erp.root / "modules/auth/migrations"
    assert (erp.service("sales").scale.min, erp.service("sales").scale.max) == (2, 2)


def test_units_become_seconds_and_bytes(write: Write) -> None:
    stack = load_stack(
        write(
            "name: s",
            a="name: a\nruntime: python\nport: 1\nresources: {memory: 1G}\nrollout: {bake: 1m, drain: 250ms}\n",
        )
    )
    service = stack.service("a")
    assert (service.resources.memory, service.rollout.bake, service.rollout.drain) == (1024**3, 60.0, 0.25)


def test_a_release_changes_with_the_code_and_not_with_tests_or_caches(write: Write) -> None:
    stack_file = "name: s\nshared: {python: [kit]}\n"
    root = write("name: s", a="name: a\nruntime: python\nport: 1\n", b="name: b\nruntime: python\nport: 2\n")
    (root / "kit").mkdir()
    write(stack_file)

    def releases() -> tuple[str, str]:
        stack = load_stack(root)
        return stack.service("a").release, stack.service("b").release

    first = releases()
    assert all(len(release) == 12 for release in first)
    (root / "modules/a/tests").mkdir()
    (root / "modules/a/tests/test_a.py").write_text("x = 1")
    (root / "modules/a/__pycache__").mkdir()
    (root / "modules/a/__pycache__/a.pyc").write_text("x")
    assert releases() == first
    (root / "modules/a/code.py").write_text("x = 1")
    second = releases()
    assert second[0] != first[0]
    assert second[1] == first[1]
    (root / "kit/kit.py").write_text("x = 1")
    third = releases()
    assert third[0] != second[0]
    assert third[1] != second[1]


def test_infrastructure_is_released_by_its_own_entry_alone(write: Write) -> None:
    def releases(text: str) -> tuple[str, str]:
        stack = load_stack(write(text, **BRICKS))
        return stack.service("db").release, stack.service("cache").release

    first = releases(ERP)
    assert releases(f"{ERP}title: Another\n") == first
    second = releases(ERP.replace("port: 5433", "port: 5434"))
    assert second[0] != first[0]
    assert second[1] == first[1]


def test_invariants_belong_to_a_brick_or_to_the_whole_stack(write: Write) -> None:
    root = write(ERP, **BRICKS)
    (root / "invariants").mkdir()
    (root / "modules/crm/invariants").mkdir()
    stack = load_stack(root)
    assert stack.invariants == root / "invariants"
    assert {s.name: s.invariants for s in stack.services if s.invariants} == {
        "crm": root / "modules/crm/invariants"
    }


def test_the_json_schemas_name_every_field() -> None:
    module, stack = json_schema("module"), json_schema("stack")
    assert {"name", "runtime", "needs", "database", "rollout"} <= set(module["properties"])
    assert "schema" in module["$defs"]["Database"]["properties"]
    assert stack["properties"]["infrastructure"]["additionalProperties"] == {"$ref": "#/$defs/Infrastructure"}
    assert "name" not in stack["$defs"]["Infrastructure"]["properties"]
