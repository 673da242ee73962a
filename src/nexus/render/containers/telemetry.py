"""The agent of telemetry: a container that takes in what modules send, and asks the instances that no port of
this machine leads to. Nothing depends on it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from nexus.render.containers.networks import gateway_of, networks_of
from nexus.render.containers.spec import (
    EDGE_PORT,
    SECRETS,
    SETTINGS,
    ContainerSpec,
    HealthCheck,
    Network,
    Published,
    candidate_name,
    release_variable,
    tcp_probe,
)
from nexus.render.dockerfile import BASES, USER, base_image
from nexus.render.questions import questions
from nexus.render.templating import plain, templates
from nexus.stack import Service, Stack
from nexus.stack.manifest import ServiceManifest
from nexus.stack.names import OTLP_PORT, TELEMETRY
from nexus.stack.names import TELEMETRY_TOKEN as TOKEN

NAME, PORT = TELEMETRY, OTLP_PORT
ENDPOINT = f"http://{NAME}:{PORT}"
DOCKERFILE = f"{NAME}/Dockerfile"
TARGETS = f"{NAME}/targets.json"
PLATFORM = Path(__file__).resolve().parents[4]  # where the sources lie that its image is built from
FOLDER = "src/nexus/telemetry/agent"
LOCK = "requirements/agent.lock"
LIVE = "/health/live"
_TEMPLATES = ("telemetry.Dockerfile.j2", "platform.Dockerfile.j2", "build.Dockerfile.j2")


@cache
def agent() -> Service:
    """The agent as a service of every stack in containers; its release is what its image is made of."""
    manifest = {
        "name": NAME,
        "title": {"en": "Telemetry agent", "pt-BR": "Agente de telemetria"},
        "runtime": "python",
        "command": ["python", "-m", "nexus.telemetry.agent", f"{SETTINGS}/targets.json"],
        "port": PORT,
        "health": {"live": LIVE, "ready": LIVE},
        "resources": {"memory": "128M", "cpus": 0.5},
    }
    folder, recipes = PLATFORM / FOLDER, PLATFORM / "src/nexus/render/templates"
    shared = (PLATFORM / LOCK, *(recipes / name for name in _TEMPLATES))
    found = ServiceManifest.model_validate(manifest)
    return Service.build(found, folder, folder / "module.yaml", shared)


def telemetry(stack: Stack) -> ContainerSpec:
    """The container: in every network where a module is, to reach each instance, and in no other."""
    own = agent()
    ask = tcp_probe(PORT, LIVE)
    return ContainerSpec(
        name=NAME,
        image=f"{stack.name}/{NAME}:${{{release_variable(NAME)}:-local}}",
        dockerfile=DOCKERFILE,
        user=f"{USER}:{USER}",
        command=own.command,
        environment={"PORT": str(PORT), "TOKEN_FILE": f"{SECRETS}/{TOKEN}", "TZ": "UTC"},
        secrets={TOKEN: f"{NAME}/{TOKEN}"},
        settings={f"{SETTINGS}/targets.json": TARGETS},
        networks=_networks(stack),
        published=(Published(NAME, PORT, PORT),),
        health=HealthCheck(ask, ask, ask),
        memory=own.resources.memory,
        cpus=own.resources.cpus,
        pids=50,
        grace=10,
        init=True,
    )


def telemetry_files(stack: Stack) -> dict[str, str]:
    """Whom the agent may ask, and what."""
    listed = [
        {
            "service": service.name,
            "port": _port(service),
            **asdict(asked),
            "candidate": _candidate(stack, service),
        }
        for service in reached(stack)
        if any(asdict(asked := questions(service)).values())
    ]
    return {TARGETS: json.dumps({"targets": listed}, indent=1) + "\n"}


def telemetry_recipe() -> dict[str, str]:
    """How its image is built, with the platform's own folder as the context."""
    values: dict[str, Any] = {
        "base": base_image(BASES["python"]),
        "user": USER,
        "lock": LOCK,
        "folder": plain("folder", FOLDER),
        "port": PORT,
        "command": json.dumps(agent().command),
        "probe": json.dumps(tcp_probe(PORT, LIVE)[1:]),
    }
    return {
        DOCKERFILE: templates().get_template("telemetry.Dockerfile.j2").render(values),
        f"{DOCKERFILE}.dockerignore": templates().get_template("telemetry.dockerignore.j2").render(values),
    }


def _port(service: Service) -> int:
    return EDGE_PORT if service.runtime == "nginx" else service.inner_port


def _candidate(stack: Stack, service: Service) -> str:
    """The name under which instances of a release are found that is let in; "" where none can be."""
    return candidate_name(service.name) if service.kind == "module" and gateway_of(stack) else ""


def reached(stack: Stack) -> tuple[Service, ...]:
    """The services whose instances the agent asks; all others have an address on this machine."""
    return stack.of_kind("module", "gateway", "edge")


def _networks(stack: Stack) -> tuple[Network, ...]:
    """`app`, and `edge` where something is in that alone."""
    places = [networks_of(stack, service) for service in reached(stack)]
    outside = any("app" not in place for place in places)
    inside = any("app" in place for place in places) or not places
    return (*(("edge",) if outside else ()), *(("app",) if inside else ()))
