"""The committed files stand alone: Docker Compose starts the ERP from them without Nexus."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.render.containers.spec import port_variable
from nexus.stack import load_stack
from nexus.stack.names import OTLP_PORT, TELEMETRY
from nexus.testing import CHECKOUT, ThrowawayStack, free_offset

FILE = CHECKOUT / "deploy" / "compose.yaml"
PROJECT = "nexus-alone"

pytestmark = pytest.mark.timeout(400)


def _compose(env: dict[str, str], *arguments: str) -> str:
    call = ["docker", "compose", "-p", PROJECT, "-f", str(FILE), *arguments]
    done = subprocess.run(call, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def alone() -> Iterator[tuple[ThrowawayStack, dict[str, str]]]:
    """Secret files of a home of its own, ports that are free, and nothing running yet."""
    with tempfile.TemporaryDirectory(prefix="nexus-") as folder:
        home = Path(folder) / "home"
        stack = ThrowawayStack(CHECKOUT, home, free_offset())
        stack.nexus("secrets", "init")
        named = {**{s.name: s.port for s in load_stack(CHECKOUT).services}, TELEMETRY: OTLP_PORT}
        ports = {port_variable(name): str(port + stack.offset) for name, port in named.items()}
        env = {**os.environ, **ports, "NEXUS_SECRETS": str(home / "secrets")}
        try:
            yield stack, env
        finally:
            _compose(env, "down", "-v")


@pytest.mark.docker
@pytest.mark.stack
def test_compose_alone_brings_the_erp_up_healthy_and_migrates_once(
    alone: tuple[ThrowawayStack, dict[str, str]],
) -> None:
    stack, env = alone
    _compose(env, "up", "-d", "--build", "--wait")
    listed = _compose(env, "ps", "--format", "json").splitlines()
    health = {each["Service"]: each["Health"] for each in map(json.loads, listed)}
    assert set(health) == {TELEMETRY, *(service.name for service in load_stack(CHECKOUT).services)}
    assert set(health.values()) == {"healthy"}
    login = json.dumps({"email": "admin@nexus.local", "password": stack.admin_password()})
    url = f"http://127.0.0.1:{env['NEXUS_PORT_NGINX']}/api/auth/login"
    call = ["curl", "-sf", "-H", "Content-Type: application/json", "-d", "@-", url]
    said = subprocess.run(call, input=login, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout)["access_token"]
    owners = {service.name for service in load_stack(CHECKOUT).services if service.database}
    began = _migrated(_compose(env, "logs", "--no-log-prefix", "migrate"))
    assert {module for module, told in began if told.endswith(": begins")} == owners
    again = _migrated(_compose(env, "run", "--rm", "migrate"))
    assert [module for module, told in again if told.endswith(" is up to date")] == sorted(owners)
    assert len(again) == len(owners), "nothing is applied twice"


def _migrated(said: str) -> list[tuple[str, str]]:
    """What the container that migrates said of each module."""
    return [(module, told) for module, _, told in (line.partition(": ") for line in said.splitlines())]


@pytest.mark.docker
def test_compose_has_nothing_to_say_against_the_rendered_file() -> None:
    done = subprocess.run(
        ["docker", "compose", "-f", str(FILE), "config", "-q"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.docker
def test_docker_takes_the_rendered_swarm_stack() -> None:
    done = subprocess.run(
        ["docker", "stack", "config", "-c", str(FILE.with_name("stack.yaml"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_the_committed_files_are_what_the_manifests_say() -> None:
    stack = ThrowawayStack(CHECKOUT, CHECKOUT / ".nexus", 0)
    stack.nexus("render", "--check")


def test_our_own_files_pass_our_own_audit() -> None:
    stack = ThrowawayStack(CHECKOUT, CHECKOUT / ".nexus", 0)
    found = json.loads(stack.nexus("audit", str(FILE.parent), "--json", "--fail-on", "low"))
    assert [f for f in found["findings"] if f["severity"] != "info"] == []
