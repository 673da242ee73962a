"""What manifests become in a Compose file and in a Swarm stack."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from nexus.render import RenderError
from nexus.render.containers.files import ContainerFacts, container_files, container_specs
from nexus.stack import Stack, load_stack

STACK = """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  queue: {kind: cache, runtime: valkey, port: 6379}
  door: {kind: edge, runtime: nginx, port: 80, upstreams: {/: front, /api/: gate}}
"""
BRICKS = {
    "gate": "kind: gateway\nruntime: haproxy\nport: 5001\n",
    "front": "runtime: python\nport: 5000\nneeds: {hard: [gate]}\n",
    "back-office": (
        "runtime: python\nport: 5002\nneeds: {hard: [db, queue], soft: [front]}\nroutes: [/api/office]\n"
        "database: {schema: office}\nsecrets: [token]\nenv: {PRICE: 'R$ 5', NOTE: 'a: b # c'}\n"
        "scale: {min: 2, max: 3}\n"
    ),
    "mailer": (
        "runtime: image\nimage: registry.example:5000/mailer:1\nport: 5009\ncontainer_port: 80\n"
        "volumes: {/var/mail: mail, /etc/mailer: ./conf}\n"
    ),
}


def _stack(root: Path, *bricks: str, stack: str = STACK) -> Stack:
    (root / "nexus.yaml").write_text(stack)
    for name in bricks:
        folder = root / "modules" / name
        (folder / "migrations").mkdir(parents=True)
        (folder / "module.yaml").write_text(f"name: {name}\n{BRICKS[name]}")
    return load_stack(root)


def _files(stack: Stack, **facts: Any) -> dict[str, str]:
    secrets = {"back-office": ("token", "database_url", "redis_url")}
    return container_files(stack, secrets, ContainerFacts(**facts))


def _compose(stack: Stack, **facts: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = YAML(typ="safe").load(_files(stack, **facts)["compose.yaml"])
    return parsed


@pytest.fixture
def shop(tmp_path: Path) -> Stack:
    return _stack(tmp_path, *BRICKS)


def test_who_need_not_meet_share_no_network(shop: Stack) -> None:
    networks = {name: set(s["networks"]) for name, s in _compose(shop)["services"].items()}
    assert networks["door"] == {"edge"}
    assert networks["front"] == {"edge"}
    assert networks["gate"] == {"edge", "app"}
    assert networks["back-office"] == {"app", "data"}
    assert networks["db"] == networks["queue"] == {"data", "local"}
    assert networks["migrate"] == {"data"}
    assert networks["telemetry"] == {"edge", "app"}


def test_only_the_edge_is_published_to_the_world(shop: Stack) -> None:
    services = _compose(shop)["services"]
    ports = {name: service.get("ports", []) for name, service in services.items()}
    assert ports["door"] == ["${NEXUS_PORT_DOOR:-80}:8080"]
    assert "ports" not in services["back-office"]
    assert "127.0.0.1:${NEXUS_PORT_BACK_OFFICE:-5002}:5002" in ports["gate"]
    others = [port for name, each in ports.items() if name != "door" for port in each]
    assert all(port.startswith("127.0.0.1:") for port in others)


def test_what_yaml_or_compose_would_read_otherwise_arrives_as_it_is(shop: Stack) -> None:
    environment = _compose(shop)["services"]["back-office"]["environment"]
    assert environment["PRICE"] == "R$$ 5"
    assert environment["NOTE"] == "a: b # c"
    assert environment["PORT"] == "5002"
    assert environment["NEXUS_URL_BACK_OFFICE"] == "http://gate:5002"
    assert environment["TOKEN_FILE"] == "/run/secrets/token"


def test_a_module_waits_for_what_it_cannot_serve_without(shop: Stack) -> None:
    services = _compose(shop)["services"]
    needs = {name: state["condition"] for name, state in services["back-office"]["depends_on"].items()}
    assert needs == {
        "gate": "service_started",
        "db": "service_healthy",
        "queue": "service_healthy",
        "migrate": "service_completed_successfully",
    }
    assert services["back-office"]["deploy"]["replicas"] == 2


def test_an_image_of_others_keeps_its_user_and_gets_its_volumes(shop: Stack) -> None:
    mailer = _compose(shop)["services"]["mailer"]
    assert mailer["image"] == "registry.example:5000/mailer:1"
    assert "user" not in mailer
    assert "read_only" not in mailer
    assert mailer["security_opt"] == ["no-new-privileges:true"]
    assert {"type": "volume", "source": "mail", "target": "/var/mail"} in mailer["volumes"]
    assert {"type": "bind", "source": ".././conf", "target": "/etc/mailer"} in mailer["volumes"]
    assert "127.0.0.1:${NEXUS_PORT_MAILER:-5009}:5009" in _compose(shop)["services"]["gate"]["ports"]
    assert "mailer:80 resolvers" in _files(shop)["gate/haproxy.cfg"]


def test_modules_without_a_gateway_publish_their_own_ports(tmp_path: Path) -> None:
    stack = _stack(tmp_path, "mailer", stack="name: post\n")
    services = _compose(stack, agent=False)["services"]
    assert services["mailer"]["ports"] == ["127.0.0.1:${NEXUS_PORT_MAILER:-5009}:80"]
    assert set(services) == {"mailer"}
    assert "networks" in _compose(stack)


def test_only_the_services_asked_for_are_written_down(shop: Stack) -> None:
    compose = _compose(shop, only=frozenset({"db"}), builds=False)
    assert set(compose["services"]) == {"db"}
    assert set(compose["volumes"]) == {"db"}
    assert set(compose["networks"]) == {"data", "local"}


def test_a_swarm_keeps_databases_on_their_node_and_starts_the_new_before_it_stops_the_old(
    shop: Stack,
) -> None:
    stack = YAML(typ="safe").load(_files(shop)["stack.yaml"])
    database, module = stack["services"]["db"]["deploy"], stack["services"]["back-office"]["deploy"]
    assert database["placement"]["constraints"] == ["node.labels.nexus.data == true"]
    assert database["update_config"]["order"] == "stop-first"
    assert module["update_config"]["order"] == "start-first"
    assert module["update_config"]["failure_action"] == "rollback"
    assert {"target": 8080, "mode": "host"}.items() <= stack["services"]["door"]["ports"][0].items()
    assert all("ports" not in s for name, s in stack["services"].items() if name != "door")
    assert {n["driver"] for n in stack["networks"].values()} == {"overlay"}


def test_a_swarm_encrypts_between_nodes_only_where_it_can(shop: Stack) -> None:
    encrypted = YAML(typ="safe").load(_files(shop, encrypted=True)["stack.yaml"])["networks"]
    plain = YAML(typ="safe").load(_files(shop, encrypted=False)["stack.yaml"])["networks"]
    assert all("encrypted" in network["driver_opts"] for network in encrypted.values())
    assert all("driver_opts" not in network for network in plain.values())


def test_equal_manifests_give_equal_files(shop: Stack) -> None:
    assert _files(shop) == _files(shop)


def test_a_program_of_this_machine_is_refused_in_a_container(tmp_path: Path) -> None:
    folder = tmp_path / "modules" / "tool"
    folder.mkdir(parents=True)
    (folder / "module.yaml").write_text("name: tool\nruntime: command\ncommand: [sleep, '1']\nport: 5020\n")
    (tmp_path / "nexus.yaml").write_text("name: tools\n")
    with pytest.raises(RenderError, match="runs as a plain process only"):
        container_specs(load_stack(tmp_path), {})


def test_modules_tell_the_agent_and_it_asks_nothing_that_no_manifest_names(shop: Stack) -> None:
    services, files = _compose(shop)["services"], _files(shop)
    endpoint = "${OTEL_EXPORTER_OTLP_ENDPOINT:-http://telemetry:4318}"
    assert services["back-office"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == endpoint
    assert services["telemetry"]["ports"] == ["127.0.0.1:${NEXUS_PORT_TELEMETRY:-4318}:4318"]
    assert "depends_on" not in services["telemetry"]
    assert not any("telemetry" in each.get("depends_on", {}) for each in services.values())
    targets = {each["service"]: each for each in json.loads(files["telemetry/targets.json"])["targets"]}
    assert targets.keys() == {"door", "gate", "front", "back-office", "mailer"}
    assert targets["back-office"] == {
        "service": "back-office",
        "port": 5002,
        "metrics": "/metrics",
        "live": "/health/live",
        "ready": "/health/ready",
        "business": "",
        "candidate": "back-office_next",
    }
    assert targets["door"]["candidate"] == ""
    assert (targets["mailer"]["port"], targets["mailer"]["metrics"]) == (80, "")
    assert targets["door"]["port"] == 8080


def test_a_candidate_runs_beside_the_stable_release_under_a_name_of_its_own(shop: Stack) -> None:
    stable = shop.service("back-office")
    newer = replace(stable, env={"PRICE": "R$ 6"}, secrets_version="2")
    files = _files(shop, candidates={"back-office": (newer, 3)})
    for name in ("compose.yaml", "stack.yaml"):
        services = YAML(typ="safe").load(files[name])["services"]
        old, new = services["back-office"], services["back-office_next"]
        assert new["image"] == "${NEXUS_REGISTRY:-}shop/back-office:${NEXUS_RELEASE_BACK_OFFICE__NEXT:-local}"
        assert (old["labels"]["nexus.side"], new["labels"]["nexus.side"]) == ("stable", "candidate")
        assert (old["deploy"]["replicas"], new["deploy"]["replicas"]) == (2, 3)
        release = "${NEXUS_RELEASE_BACK_OFFICE__NEXT:-local}-2"
        assert new["labels"]["nexus.release"] == new["environment"]["NEXUS_RELEASE"] == release
        assert old["labels"]["nexus.release"] == "${NEXUS_RELEASE_BACK_OFFICE:-local}"
        assert (old["environment"]["PRICE"], new["environment"]["PRICE"]) == ("R$$ 5", "R$$ 6")
        assert new["environment"]["NEXUS_SERVICE"] == "back-office"
        assert next(each["source"] for each in new["secrets"]) == "back_office.2_token"
        assert next(each["source"] for each in old["secrets"]) == "back_office_token"
        same = ("user", "networks", "read_only", "cap_drop", "volumes", "stop_grace_period")
        assert all(old[each] == new[each] for each in same)
        assert old["deploy"]["resources"] == new["deploy"]["resources"]
        assert "ports" not in new
    compose = YAML(typ="safe").load(files["compose.yaml"])
    assert compose["secrets"]["back_office.2_token"]["file"].endswith("/back-office@2/token")


def test_a_candidate_may_have_secrets_that_the_stable_release_has_not(shop: Stack) -> None:
    newer = shop.service("back-office")
    secrets = {"back-office": ("token",), "back-office_next": ("token", "licence")}
    new = {spec.name: spec for spec in container_specs(shop, secrets, candidates={"back-office": (newer, 1)})}
    assert new["back-office_next"].secrets.keys() == {"token", "licence"}
    assert new["back-office"].secrets.keys() == {"token"}


def test_nothing_of_a_candidate_is_rendered_while_there_is_none(shop: Stack) -> None:
    files = _files(shop)
    assert "_next" not in files["compose.yaml"]
    assert "_next" not in files["stack.yaml"]
    assert " back-office_next:5002 resolvers candidates " in files["gate/haproxy.cfg"]
    assert (
        files["gate/haproxy.cfg"]
        == _files(shop, candidates={"front": (shop.service("front"), 1)})["gate/haproxy.cfg"]
    )


def test_a_candidate_needs_a_gateway_that_shares_requests(tmp_path: Path) -> None:
    stack = _stack(tmp_path, "mailer", stack="name: post\n")
    with pytest.raises(RenderError, match="without a gateway nobody shares requests"):
        container_specs(stack, {}, candidates={"mailer": (stack.service("mailer"), 1)})


def test_the_image_of_a_release_is_named_by_the_bricks_own_folder(shop: Stack, tmp_path: Path) -> None:
    artefact = replace(shop.service("front"), folder=tmp_path / "elsewhere" / "front")
    stack = replace(shop, services=tuple(artefact if s.name == "front" else s for s in shop.services))
    dockerfile = next(spec.dockerfile for spec in container_specs(stack, {}) if spec.name == "front")
    assert dockerfile == "modules/front/Dockerfile"


def test_only_the_agent_and_its_host_have_the_token_that_steers_gateways(shop: Stack) -> None:
    services = _compose(shop)["services"]
    assert services["telemetry"]["secrets"] == [{"source": "telemetry_token", "target": "token"}]
    holders = [name for name, each in services.items() if "telemetry_token" in str(each.get("secrets"))]
    assert holders == ["telemetry"]


def test_without_the_agent_nothing_is_sent_to_it(shop: Stack) -> None:
    services = _compose(shop, agent=False)["services"]
    assert "telemetry" not in services
    environment = services["back-office"]["environment"]
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "${OTEL_EXPORTER_OTLP_ENDPOINT:-}"


def test_without_the_agent_no_gateway_shares_requests(shop: Stack) -> None:
    files = _files(shop, agent=False)
    assert "gate/split.lua" not in files
    assert "back-office.next" not in files["gate/haproxy.cfg"]


def test_a_reload_of_a_proxy_cuts_no_request_that_a_manifest_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BRICKS, "front", f"{BRICKS['front']}rollout: {{drain: 89.5s}}\n")
    files = _files(_stack(tmp_path, "front", "gate"))
    assert "hard-stop-after 95s" in files["gate/haproxy.cfg"]
    assert "worker_shutdown_timeout 95s;" in files["door/nginx.conf"]


def test_an_instance_is_told_how_long_its_requests_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BRICKS, "front", f"{BRICKS['front']}rollout: {{drain: 89.5s}}\n")
    front = _compose(_stack(tmp_path, "front", "gate"))["services"]["front"]
    assert front["environment"]["NEXUS_DRAIN"] == "89.5"
    assert front["stop_grace_period"] == "95s"
