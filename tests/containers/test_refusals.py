"""What an engine lacks is told in one message, before anything is begun."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.testing import CHECKOUT, ThrowawayStack, copied_root, throwaway_stack

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def stack() -> Iterator[ThrowawayStack]:
    with copied_root() as root, throwaway_stack(root=root, start=False) as fresh:
        yield fresh


def _refused(stack: ThrowawayStack, *arguments: str, **environment: str) -> str:
    """What `up` says when it must refuse; nothing is left behind."""
    done = subprocess.run(
        [
            str(CHECKOUT / "nexus"),
            "up",
            "--runtime",
            "compose",
            "--port-offset",
            str(stack.offset),
            *arguments,
        ],
        env={**stack.environment(), **environment},
        cwd=stack.root,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert not (stack.home / "secrets").exists()
    assert not (stack.home / "containers").exists()
    return done.stderr


def test_a_machine_without_docker_is_told_how_to_get_it(stack: ThrowawayStack, tmp_path: Path) -> None:
    for name in ("sh", "env", "dirname", "readlink", "cmp", "id"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    said = _refused(stack, PATH=str(tmp_path))
    assert "`docker` command was not found" in said
    assert "--runtime process" in said


def test_an_engine_that_does_not_answer_is_told(stack: ThrowawayStack) -> None:
    if shutil.which("docker") is None:
        pytest.skip("the docker command is not installed")
    assert "no Docker engine answers" in _refused(stack, DOCKER_HOST="unix:///nowhere/docker.sock")


def test_an_engine_that_is_too_old_is_told_with_what_is_needed(stack: ThrowawayStack, tmp_path: Path) -> None:
    old = tmp_path / "docker"  # no engine of that age can be had; this is what its command prints
    old.write_text("""#!/bin/sh\necho '{"ServerVersion":"20.10.24","Swarm":{}}'\n""")
    old.chmod(0o755)
    said = _refused(stack, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert "Docker Engine 20.10.24 is too old; 25.0 or newer" in said


@pytest.mark.docker
def test_an_image_that_does_not_exist_is_named(stack: ThrowawayStack) -> None:
    manifest = stack.root / "nexus.yaml"
    text = manifest.read_text()
    assert "runtime: postgres\n" in text
    manifest.write_text(
        text.replace("runtime: postgres\n", "runtime: postgres\n    image: postgres:18-of-nobody\n")
    )
    assert "postgres:18-of-nobody" in _refused(stack)


@pytest.mark.docker
def test_a_taken_port_is_told_with_its_holder(stack: ThrowawayStack) -> None:
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 5004 + stack.offset))
        holder.listen()
        assert f"port {5004 + stack.offset} of crm is taken by" in _refused(stack)


@pytest.mark.docker
def test_a_runtime_that_no_image_can_hold_is_refused(stack: ThrowawayStack) -> None:
    brick = stack.root / "modules" / "tool"
    brick.mkdir()
    (brick / "module.yaml").write_text("name: tool\nruntime: command\ncommand: [sleep, '1']\nport: 5020\n")
    assert "runtime 'command' runs as a plain process only" in _refused(stack)


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_a_user_who_may_not_use_the_engine_is_told_how_to(stack: ThrowawayStack) -> None:
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "docker", "info"],
        capture_output=True,
        text=True,
        check=False,
    )
    from nexus.runtimes.containers.engine import explain

    assert "no permission on Docker's socket" in explain(done.stderr + done.stdout, ("info",))


@pytest.mark.docker
def test_a_compose_stack_is_not_a_swarm(stack: ThrowawayStack) -> None:
    swarm = subprocess.run(
        ["docker", "info", "--format", "{{.Swarm.LocalNodeState}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    if swarm.stdout.strip() == "active":
        pytest.skip("this engine is part of a Swarm")
    done = stack.run("up", "--runtime", "swarm")
    assert done.returncode == 2
    assert "docker swarm init" in done.stderr
