"""What an engine tells of a container, as our own value. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nexus.render.containers.migrate import NAME as MIGRATE
from nexus.runtimes.containers.container import HOME_LABEL, RELEASE_LABEL, Container, State
from nexus.runtimes.containers.units import instance_of, sides_of

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
ONE_OFF = "com.docker.compose.oneoff"
FOLDER = "com.docker.compose.project.working_dir"


def is_ours(shown: dict[str, Any]) -> bool:
    """Not what somebody ran once beside the stack, nor what the stack runs once by itself."""
    labels = shown["Config"]["Labels"]
    return labels.get(ONE_OFF) != "True" and RELEASE_LABEL in labels and labels[SERVICE] != MIGRATE


def container_of(shown: dict[str, Any]) -> Container:
    """A container that Compose made, from the engine's account of it."""
    labels, is_now = shown["Config"]["Labels"], shown["State"]
    service, side = sides_of(labels[SERVICE])
    state, why = state_of(is_now)
    began = is_now["StartedAt"] if state != "down" else is_now["FinishedAt"]
    return Container(
        service=service,
        instance=instance_of(labels[SERVICE], labels.get(NUMBER, "1")),
        id=shown["Id"][:12],
        state=state,
        release=labels.get(RELEASE_LABEL, ""),
        since=_seconds(began),
        restarts=int(shown.get("RestartCount", 0)),
        pid=int(is_now.get("Pid", 0)),
        why=why,
        owner=labels.get(HOME_LABEL) or labels.get(FOLDER, ""),
        side=side,
        addresses=_addresses(shown),
    )


def state_of(is_now: dict[str, Any]) -> tuple[State, str]:
    """The state of a container and what it lacks, from the engine's own account of it."""
    status, health = is_now["Status"], is_now.get("Health") or {}
    if status == "restarting":
        return "starting", f"ended with exit code {is_now['ExitCode']}; the engine starts it again"
    if status != "running":
        killed = " (out of memory)" if is_now.get("OOMKilled") else ""
        return "down", is_now.get("Error") or f"{status}, exit code {is_now['ExitCode']}{killed}"
    said = [str(entry.get("Output", "")).strip() for entry in health.get("Log") or ()]
    last = said[-1].splitlines()[-1][:300] if said and said[-1] else ""
    match health.get("Status", "none"):
        case "healthy" | "none":
            return "ready", ""
        case "starting":
            return "starting", last
        case _:
            return "degraded", last or "its health check fails"


def _addresses(shown: dict[str, Any]) -> frozenset[str]:
    networks = (shown.get("NetworkSettings") or {}).get("Networks") or {}
    told = [each.get(name) for each in networks.values() for name in ("IPAddress", "GlobalIPv6Address")]
    return frozenset(address for address in told if address)


def _seconds(time: str) -> float:
    return max(0.0, datetime.fromisoformat(time[:19] + "+00:00").timestamp())
