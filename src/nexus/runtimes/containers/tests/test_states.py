"""How an engine's words become states, errors become sentences, and orders become one."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from nexus.runtimes.containers.batch import Batch
from nexus.runtimes.containers.container import RELEASE_LABEL
from nexus.runtimes.containers.engine import Engine, EngineError, explain
from nexus.runtimes.containers.project import Project
from nexus.runtimes.containers.shown import SERVICE, container_of, state_of
from nexus.runtimes.containers.tasks import containers_of
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site
from nexus.stack import load_stack


@pytest.mark.parametrize(
    ("said", "state", "why"),
    [
        ({"Status": "running", "ExitCode": 0}, "ready", ""),
        ({"Status": "running", "ExitCode": 0, "Health": {"Status": "healthy"}}, "ready", ""),
        (
            {"Status": "running", "Health": {"Status": "starting", "Log": [{"Output": "no database\n"}]}},
            "starting",
            "no database",
        ),
        (
            {"Status": "running", "Health": {"Status": "unhealthy", "Log": [{"Output": "503"}]}},
            "degraded",
            "503",
        ),
        ({"Status": "restarting", "ExitCode": 3}, "starting", "exit code 3"),
        ({"Status": "exited", "ExitCode": 137, "OOMKilled": True}, "down", "out of memory"),
        ({"Status": "created", "ExitCode": 128, "Error": "port is taken"}, "down", "port is taken"),
    ],
)
def test_what_an_engine_says_is_a_state_and_a_reason(said: dict[str, Any], state: str, why: str) -> None:
    found, reason = state_of(said)
    assert found == state
    assert why in reason


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "no permission on Docker's socket",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///nowhere. Is the docker daemon running?",
            "no Docker engine",
        ),
        ("failed to copy files: write /x: no space left on device", "disk is full"),
        (
            "pull access denied for nosuch/image, repository does not exist",
            "the image nosuch/image does not exist",
        ),
        ("manifest for postgres:99 not found: manifest unknown", "the image postgres:99 does not exist"),
    ],
)
def test_an_engines_complaint_becomes_a_sentence_with_its_mend(said: str, sentence: str) -> None:
    assert sentence in explain(said, ("up",))


async def test_orders_of_one_moment_go_to_the_engine_together_and_share_its_answer() -> None:
    seen: list[list[str]] = []

    async def act(names: Any) -> None:
        seen.append(sorted(names))
        if "bad" in names:
            raise EngineError("refused")

    batch = Batch(act)
    await asyncio.gather(batch.add("a"), batch.add("b"), batch.add("a"))
    assert seen == [["a", "b"]]
    with pytest.raises(EngineError):
        await batch.add("bad")
    await batch.add("c")
    assert seen[-1] == ["c"]


async def test_a_command_that_does_not_end_is_ended() -> None:
    engine = Engine(program="sleep", environment=dict(os.environ))
    with pytest.raises(EngineError, match="did not end within"):
        await engine.command("60", timeout=0.2)


def test_two_homes_of_one_stack_have_two_names_on_an_engine(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text("name: shop\n")
    stack = load_stack(tmp_path)
    own = Project(Site(stack, Home.at(stack.root / ".nexus"), {}, contained=True))
    other = Project(Site(stack, Home.at(tmp_path / "elsewhere"), {}, contained=True))
    assert own.name == "shop"
    assert other.name.startswith("shop-")
    assert other.name != Project(Site(stack, Home.at(tmp_path / "third"), {}, contained=True)).name


def test_a_containers_addresses_are_those_that_its_engine_gave_it() -> None:
    labels = {SERVICE: "gateway", RELEASE_LABEL: "r1"}
    began = {"Status": "running", "StartedAt": "2026-01-01T00:00:00", "FinishedAt": "2026-01-01T00:00:00"}
    networks = {
        "app": {"IPAddress": "172.18.0.4", "GlobalIPv6Address": ""},
        "edge": {"IPAddress": "", "GlobalIPv6Address": "fd00::4"},
    }
    shown = {
        "Config": {"Labels": labels},
        "State": began,
        "Id": "a" * 64,
        "NetworkSettings": {"Networks": networks},
    }
    assert container_of(shown).addresses == {"172.18.0.4", "fd00::4"}


def test_a_tasks_addresses_are_told_without_their_networks() -> None:
    task = {
        "ID": "t1",
        "ServiceID": "s1",
        "DesiredState": "running",
        "Status": {"State": "running", "Timestamp": "2026-01-01T00:00:00Z"},
        "Spec": {"ContainerSpec": {}},
        "NetworksAttachments": [{"Addresses": ["10.0.1.5/24"]}, {"Addresses": None}, {}],
    }
    (container,), _ = containers_of([task], {"s1": "gateway"}, {})
    assert container.addresses == {"10.0.1.5"}
