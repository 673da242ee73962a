"""Modules as containers of images built from their folders."""

from __future__ import annotations

import math
from dataclasses import replace

from nexus.render.containers.networks import STORES, gateway_of, networks_of
from nexus.render.containers.proxies import PRIVATE, address
from nexus.render.containers.spec import (
    SECRETS,
    Condition,
    ContainerSpec,
    HealthCheck,
    Published,
    candidate_name,
    release_of,
    release_variable,
    secrets_owner,
)
from nexus.render.dockerfile import BASES, DOCKERFILE, STATE, USER, probe
from nexus.render.templating import RenderError
from nexus.stack import Service, Stack

DRAIN_RESERVE = 5  # seconds between the end of a module's own drain and the engine's SIGKILL


def module(
    stack: Stack, service: Service, secrets: tuple[str, ...], endpoint: str, name: str = ""
) -> ContainerSpec:
    """A module. `secrets` are the names of the files it is given, `endpoint`: where its spans go by default,
    `name`: what its container is called, where that is not the service's own name.

    Raises:
        RenderError: its runtime has no image.
    """
    name = name or service.name
    if service.runtime == "image":
        return _foreign(stack, service, secrets, endpoint, name)
    if service.runtime not in BASES:
        raise RenderError(
            f"{service.name}: runtime {service.runtime!r} runs as a plain process only; in a container use "
            "`runtime: image` with `image: repository:tag`"
        )
    migrated: dict[str, Condition] = {"migrate": "service_completed_successfully"} if service.database else {}
    return ContainerSpec(
        name=name,
        image=f"{stack.name}/{service.name}:${{{release_variable(name)}:-local}}",
        service=service,
        dockerfile=f"{service.place}/{DOCKERFILE}",
        user=f"{USER}:{USER}",
        environment=environment(stack, service, secrets, endpoint, name),
        secrets=_files(service, secrets),
        volumes={STATE: f"{service.name}-state"},
        tmpfs={"/tmp": 64},
        networks=networks_of(stack, service),
        published=_published(stack, service),
        health=HealthCheck(
            test=("CMD", *probe(stack, service, "ready")),
            gentle=("CMD", *probe(stack, service, "startup")),
            live=("CMD", *probe(stack, service, "live")),
        ),
        needs={**_needs(stack, service), **migrated},
        memory=service.resources.memory,
        cpus=service.resources.cpus,
        replicas=service.scale.min,
        grace=math.ceil(service.rollout.drain) + DRAIN_RESERVE,
        init=True,
        side="stable",
    )


def candidate(
    stack: Stack, service: Service, secrets: tuple[str, ...], endpoint: str, count: int
) -> ContainerSpec:
    """A release of a module that is let in beside the stable one, in `count` containers.

    Raises:
        RenderError: its runtime has no image, or no gateway could share requests between the two.
    """
    if gateway_of(stack) is None:
        raise RenderError(f"{service.name}: without a gateway nobody shares requests between two releases")
    name = candidate_name(service.name)
    return replace(module(stack, service, secrets, endpoint, name), replicas=count, side="candidate")


def environment(
    stack: Stack, service: Service, secrets: tuple[str, ...], endpoint: str, name: str
) -> dict[str, str]:
    """The contract of a module: who it is, where its neighbours are, its secrets as files."""
    env = {
        "HOST": "0.0.0.0",
        "PORT": str(service.inner_port),
        "NEXUS_SERVICE": service.name,
        "NEXUS_RELEASE": release_of(name, service.secrets_version),
        "NEXUS_LANG": "${NEXUS_LANG:-pt-BR}",
        "NEXUS_DRAIN": f"{service.rollout.drain:g}",
        "NEXUS_TRUSTED_PROXIES": ",".join(PRIVATE),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"${{OTEL_EXPORTER_OTLP_ENDPOINT:-{endpoint}}}",
        "TZ": "UTC",
    }
    for other in stack.of_kind("module", "gateway"):
        variable = f"NEXUS_URL_{other.name.upper().replace('-', '_')}"
        env[variable] = f"http://{address(stack, other)}"
    for other in stack.services:
        if other.jwks:
            env["NEXUS_JWKS_URL"] = f"http://{address(stack, other)}{other.jwks}"
    env |= {f"{name.upper()}_FILE": f"{SECRETS}/{name}" for name in secrets}
    return env | {key: value.replace("$", "$$") for key, value in service.env.items()}


def _foreign(
    stack: Stack, service: Service, secrets: tuple[str, ...], endpoint: str, name: str
) -> ContainerSpec:
    """An image that others made: it gets limits, but is asked for nothing that it may not bear."""
    assert service.image is not None
    return ContainerSpec(
        name=name,
        image=service.image.replace("$", "$$"),
        service=service,
        command=service.command,
        environment=environment(stack, service, secrets, endpoint, name),
        secrets=_files(service, secrets),
        volumes={path: name for path, name in service.volumes.items() if not _is_path(name)},
        binds={path: name for path, name in service.volumes.items() if _is_path(name)},
        networks=networks_of(stack, service),
        published=_published(stack, service),
        needs=_needs(stack, service),
        memory=service.resources.memory,
        cpus=service.resources.cpus,
        replicas=service.scale.min,
        grace=math.ceil(service.rollout.drain) + DRAIN_RESERVE,
        hardened=False,
        side="stable" if service.kind == "module" else "",
    )


def _files(service: Service, secrets: tuple[str, ...]) -> dict[str, str]:
    return {name: f"{secrets_owner(service)}/{name}" for name in secrets}


def _published(stack: Stack, service: Service) -> tuple[Published, ...]:
    """The gateway holds the ports of the modules behind it; all else publishes its own."""
    if service.kind == "module" and gateway_of(stack) is not None:
        return ()
    return (Published(service.name, service.port, service.inner_port, world=service.kind == "edge"),)


def _is_path(source: str) -> bool:
    return source.startswith((".", "/"))


def _needs(stack: Stack, service: Service) -> dict[str, Condition]:
    """What must be there first. A gateway need only run: it is ready when a module behind it is."""
    gateway = gateway_of(stack)
    needs: dict[str, Condition] = {}
    if gateway:
        needs[gateway.name] = "service_started"
    for name in service.needs.hard:
        need = stack.service(name) if stack.has(name) else None
        if need and (need.kind in STORES or need.kind == "module"):
            needs[name] = "service_healthy" if need.runtime != "image" else "service_started"
    return needs
