"""What each container may do: nothing that it does not need."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from nexus.testing import ThrowawayStack

pytestmark = [pytest.mark.docker, pytest.mark.stack, pytest.mark.timeout(300)]

SERVICES = {
    "postgres", "redis", "nginx", "gateway", "frontend",
    "auth", "users", "crm", "sales", "inventory", "financial", "telemetry",
}  # fmt: skip


@pytest.fixture(scope="module")
def containers(erp: ThrowawayStack) -> dict[str, dict[str, Any]]:
    """Service -> what the engine says of its container."""
    ids = {
        service["name"]: service["instances"][0]["container"]
        for service in erp.status()["services"]
        if service["kind"] != "control"
    }
    ids["telemetry"] = _agent(erp)
    said = subprocess.run(["docker", "inspect", *ids.values()], capture_output=True, text=True, check=True)
    return dict(zip(ids, json.loads(said.stdout), strict=True))


def _agent(erp: ThrowawayStack) -> str:
    """The id of the container that no status lists."""
    home = f"label=nexus.home={erp.home}"
    call = ["docker", "ps", "-q", "-f", home, "-f", "label=com.docker.compose.service=telemetry"]
    return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()


def _run(container: dict[str, Any], *command: str) -> subprocess.CompletedProcess[str]:
    call = ["docker", "exec", container["Id"], *command]
    return subprocess.run(call, capture_output=True, text=True, check=False, timeout=30)


def _reaches(container: dict[str, Any], host: str, port: int) -> bool:
    """Whether a connection can be opened from inside the container, with what its image has."""
    ask = f"exec 3<>/dev/tcp/{host}/{port}"
    return _run(container, "timeout", "2", "bash", "-c", ask).returncode == 0


def test_no_container_can_do_more_than_it_needs(containers: dict[str, dict[str, Any]]) -> None:
    assert set(containers) == SERVICES
    for name, container in containers.items():
        host = container["HostConfig"]
        user = container["Config"]["User"].partition(":")[0]
        assert user.isdecimal(), f"{name} runs as {user!r}"
        assert int(user) > 0, name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert host["NanoCpus"] > 0, name
        assert 0 < host["PidsLimit"] <= 400, name
        assert host["LogConfig"]["Config"]["max-size"], name
        assert container["State"]["Health"]["Status"] == "healthy", name
        assert container["Config"]["Healthcheck"]["StartPeriod"] > 0, name
        assert not any("docker.sock" in mount["Source"] for mount in container["Mounts"]), name


def test_no_secret_is_in_an_environment_or_a_command(
    erp: ThrowawayStack, containers: dict[str, dict[str, Any]]
) -> None:
    secrets = {
        path.read_text().strip()
        for path in (erp.home / "secrets").rglob("*")
        if path.is_file() and path.name.endswith(("password", "secret", "key", "_url"))
    }
    assert len(secrets) > 20
    told = json.dumps(list(containers.values()))
    assert [secret[:4] for secret in secrets if secret in told] == []


def test_a_container_sees_its_own_secrets_and_no_others(containers: dict[str, dict[str, Any]]) -> None:
    seen = set(_run(containers["sales"], "ls", "/run/secrets").stdout.split())
    assert seen == {"client_secret", "database_url", "redis_url"}


@pytest.mark.parametrize(
    ("source", "host", "port", "meets"),
    [
        ("nginx", "gateway", 5001, True),
        ("gateway", "sales", 5005, True),
        ("sales", "postgres", 5432, True),
        ("sales", "gateway", 5004, True),
        ("sales", "telemetry", 4318, True),
        ("frontend", "telemetry", 4318, True),
        ("telemetry", "sales", 5005, True),
        ("telemetry", "frontend", 5000, True),
        ("telemetry", "postgres", 5432, False),
        ("telemetry", "redis", 6379, False),
        ("postgres", "telemetry", 4318, False),
        ("nginx", "sales", 5005, False),
        ("nginx", "postgres", 5432, False),
        ("frontend", "postgres", 5432, False),
        ("gateway", "postgres", 5432, False),
        ("gateway", "redis", 6379, False),
        ("postgres", "gateway", 5001, False),
    ],
)
def test_only_those_meet_that_must(
    containers: dict[str, dict[str, Any]], source: str, host: str, port: int, meets: bool
) -> None:
    assert _reaches(containers[source], host, port) == meets


def test_databases_have_no_way_out(containers: dict[str, dict[str, Any]]) -> None:
    gateway = containers["gateway"]["NetworkSettings"]["Networks"]
    address = next(net["Gateway"] for name, net in gateway.items() if name.endswith("_edge"))
    assert not _reaches(containers["postgres"], address, 22)
    routes = _run(containers["postgres"], "cat", "/proc/net/route").stdout
    beyond = [line.split() for line in routes.splitlines()[1:] if line.split()[1] == "00000000"]
    networks = containers["postgres"]["NetworkSettings"]["Networks"]
    assert len(beyond) <= 1
    (local,) = [net for name, net in networks.items() if name.endswith("_local")]
    told = subprocess.run(
        ["docker", "network", "inspect", local["NetworkID"]], capture_output=True, text=True, check=True
    )
    options = json.loads(told.stdout)[0]["Options"]
    assert options["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    assert options["com.docker.network.bridge.enable_icc"] == "false"


def test_a_database_cannot_write_outside_its_volume(containers: dict[str, dict[str, Any]]) -> None:
    assert _run(containers["postgres"], "touch", "/usr/local/x").returncode != 0
    assert _run(containers["sales"], "python", "-c", "open('/opt/nexus/x', 'w')").returncode != 0
    assert _run(containers["sales"], "python", "-c", "open('/var/lib/nexus/x', 'w')").returncode == 0
