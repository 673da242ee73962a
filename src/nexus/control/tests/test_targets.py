"""What the collector is told of one stack on each runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.control.addresses import planned
from nexus.control.facts import InstanceFacts
from nexus.control.keeper import RuntimeName
from nexus.control.targets import targets
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site
from nexus.stack import load_stack
from nexus.telemetry.targets import Instance, LogSource, ServiceTarget, Targets

MANIFESTS = {
    "nexus.yaml": """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  queue: {kind: cache, runtime: valkey, port: 6379}
  door: {kind: edge, runtime: nginx, port: 80, upstreams: {/: gate}, health: {live: /up, ready: /up}}
processes:
  selling: {steps: [{name: sell, module: till}]}
""",
    "modules/gate/module.yaml": "{name: gate, kind: gateway, runtime: haproxy, port: 5001}",
    "modules/till/module.yaml": """\
name: till
runtime: python
port: 5003
needs: {hard: [db, queue]}
routes: [/api/till]
health: {business: /health/business}
database: {schema: till}
kpis: [{name: takings, unit: BRL, better: higher, metric: 'sum(takings)'}]
""",
    "modules/till/migrations/1_first/migration.sql": "SELECT 1;",
    "modules/mail/module.yaml": """\
{name: mail, runtime: image, image: 'mail:1', port: 5009, container_port: 25, health: {live: '', ready: ''}}
""",
}


def facts(name: str, **values: object) -> InstanceFacts:
    told = {"pid": 7, "port": 9000, "release": "r1", "state": "ready", "since": 1.0, **values}
    return InstanceFacts(f"{name}-1", **told)  # type: ignore[arg-type]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def site(home: Home, contained: bool) -> Site:
    root = home.root.parent
    for name, text in MANIFESTS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    stack = load_stack(root)
    return Site(stack, home, planned(stack, 1000), contained)


def by_name(found: Targets) -> dict[str, ServiceTarget]:
    return {service.name: service for service in found.services}


def test_processes_are_asked_at_their_own_ports_and_write_to_files(home: Home) -> None:
    found = targets(site(home, False), "process", {"till": (facts("till"), facts("till", pid=0))})
    assert (found.stack, found.runtime, found.agent) == ("shop", "process", "")
    till = ServiceTarget(
        name="till",
        kind="module",
        runtime="python",
        port=6003,
        stable="127.0.0.1:6003",
        live="/health/live",
        ready="/health/ready",
        business="/health/business",
        metrics="/metrics",
        schema="till",
    )
    services = by_name(found)
    assert services["till"] == till
    assert services["gate"].metrics == "/metrics?no-maint"
    assert (services["door"].metrics, services["door"].live) == ("", "/up")
    assert (services["mail"].metrics, services["mail"].live) == ("", "")
    assert services["db"].ready == services["queue"].ready == ""
    assert services["db"].secret_files == {"check_url": str(home.secret("db", "check_url"))}
    assert services["queue"].secret_files == {"redis_url": str(home.secret("till", "redis_url"))}
    assert found.instances == (
        Instance("till", "till-1", "r1", "127.0.0.1:9000", 7, "", "", "ready", 1.0, 0),
    )
    assert [(source.key, source.format) for source in found.sources] == [
        ("file:db", "postgres"),
        ("rotating:db", "postgres"),
        ("file:queue", "valkey"),
        ("file:door", "nginx"),
        ("file:gate", "haproxy"),
        ("file:mail", "plain"),
        ("file:till", "json"),
        ("file:control", "plain"),
    ]
    assert found.sources[1] == LogSource(
        "rotating:db", "db", "rotating", str(home.logs / "db.d" / "*.json"), "postgres"
    )
    assert [kpi["module"] for kpi in found.kpis] == ["till"]
    assert list(found.processes) == ["selling"]


def test_containers_are_asked_by_the_agent_and_read_by_their_ids_to_the_end(home: Home) -> None:
    seen = {
        "db": (facts("db", container="d1"),),
        "door": (facts("door", container="n1"),),
        "till": (
            facts("till", container="t1", release="r2"),
            facts("till", container="t0", pid=0, state="down"),
        ),
        "telemetry": (facts("telemetry", container="a1"),),
    }
    found = targets(site(home, True), "compose", seen)
    assert found.agent == "http://127.0.0.1:5318"
    assert found.agent_token == str(home.secret("telemetry", "token"))
    ports = {name: service.port for name, service in by_name(found).items()}
    assert ports == {"db": 5432, "queue": 6379, "door": 8080, "gate": 5001, "mail": 25, "till": 5003}
    assert {each.container: each.address for each in found.instances} == {
        "d1": "127.0.0.1:6433",
        "n1": "",
        "t1": "",
        "a1": "",
    }
    assert [(source.key, source.where, source.format, source.release) for source in found.sources] == [
        ("container:d1", "d1", "postgres", "r1"),
        ("container:n1", "n1", "nginx", "r1"),
        ("container:t1", "t1", "json", "r2"),
        ("container:t0", "t0", "json", "r1"),
        ("container:a1", "a1", "json", "r1"),
    ]
    assert {source.kind for source in found.sources} == {"container"}


def test_tasks_of_a_swarm_are_read_also_when_others_have_taken_their_place(home: Home) -> None:
    now = {"till": (facts("till", container="t1", task="task1", node="node2", pid=0),)}
    before = {"till": (facts("till", container="t0", task="task0", node="node3", pid=0, state="down"),)}
    found = targets(site(home, True), "swarm", now, before)
    assert [(source.key, source.kind, source.where) for source in found.sources] == [
        ("task:task1", "task", "task1"),
        ("task:task0", "task", "task0"),
    ]
    assert [(each.node, each.pid) for each in found.instances] == [("node2", 0)]


@pytest.mark.parametrize("runtime", ["process", "compose", "swarm"])
def test_what_is_told_arrives_as_it_was(home: Home, runtime: RuntimeName) -> None:
    seen = {"till": (facts("till", container="t1", task="task1"),)}
    found = targets(site(home, runtime != "process"), runtime, seen)
    again = Targets.from_line(found.to_line())
    assert again.to_line() == found.to_line()
    assert (again.services, again.instances, again.sources) == (
        found.services,
        found.instances,
        found.sources,
    )
