"""Stack → every file that runs it in containers: the Compose file, the Swarm stack, and their settings."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from nexus.render.containers import modules, proxies, stores
from nexus.render.containers.migrate import migrate, migrate_files
from nexus.render.containers.spec import ContainerSpec, candidate_name, port_variable, secret_name
from nexus.render.containers.standby import Placed, placed_files, placed_specs
from nexus.render.containers.telemetry import ENDPOINT, telemetry, telemetry_files, telemetry_recipe
from nexus.render.templating import RenderError, templates
from nexus.stack import Service, Stack

COMPOSE, SWARM = "compose.yaml", "stack.yaml"
DATA_LABEL = "nexus.data"
Candidate = tuple[Service, int]  # as its release has it, and how many containers of it


@dataclass(frozen=True)
class ContainerFacts:
    """Where things are, seen from the folder of the Compose file.

    `root` is the stack's folder, `secrets` the folder of secret files. `project` names what belongs together
    on an engine. `builds`: whether the engine may build images by itself. `only`: the services to write down.
    `encrypted`: whether nodes of a Swarm encrypt what passes between them. `home`: the folder of the state of
    whoever keeps the stack ("" when nobody does). `agent`: whether the agent of telemetry is part of it.
    `candidates`: service → a release that is let in beside the stable one, and in how many containers.
    `placed`: where the database is that has, or had, a standby (None = it never had one).
    """

    root: str = ".."
    secrets: str = "../.nexus/secrets"
    project: str = ""
    builds: bool = True
    only: frozenset[str] | None = None
    encrypted: bool = True
    home: str = ""
    agent: bool = True
    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    placed: Placed | None = None


def container_specs(
    stack: Stack,
    secrets: Mapping[str, tuple[str, ...]],
    agent: bool = True,
    candidates: Mapping[str, Candidate] = MappingProxyType({}),
) -> tuple[ContainerSpec, ...]:
    """Every container of a stack. `secrets`: the names of each service's secret files, and under
    `candidate_name` those of a candidate that has others; `agent`: whether the agent of telemetry is among
    them, to which modules then send what they have to tell; `candidates`: as in ContainerFacts.

    Raises:
        RenderError: a service cannot run in a container.
    """
    endpoint = ENDPOINT if agent and stack.collects else ""
    specs = [
        _spec(stack, service, secrets.get(service.name, ()), endpoint, agent) for service in stack.services
    ]
    for name, (service, count) in sorted(candidates.items()):
        names = secrets.get(candidate_name(name), secrets.get(name, ()))
        specs.append(modules.candidate(stack, service, names, endpoint, count))
    if agent:
        specs.append(telemetry(stack))
    if any(service.database for service in stack.services):
        specs.append(migrate(stack))
    for spec in specs:
        if spec.replicas > 1 and spec.published:
            raise RenderError(
                f"{spec.name}: {spec.replicas} instances cannot share port {spec.published[0].port} of this "
                "machine; set `scale: {min: 1}`, or add a gateway with `runtime: haproxy` before a module"
            )
    return tuple(specs)


def container_files(
    stack: Stack, secrets: Mapping[str, tuple[str, ...]], facts: ContainerFacts
) -> dict[str, str]:
    """Path beside the Compose file → text. Pure: equal values give equal text.

    Raises:
        RenderError: a service cannot run in a container.
    """
    settings: dict[str, str] = {}
    for service in stack.services:
        settings |= _settings(stack, service, facts)
    if facts.agent:
        settings |= telemetry_files(stack)
    specs = container_specs(stack, secrets, facts.agent, facts.candidates)
    if facts.placed is not None:
        settings |= placed_files(stack, facts.placed)
        specs = placed_specs(specs, facts.placed)
    if facts.only is not None:
        specs = tuple(spec for spec in specs if spec.name in facts.only)
    values: dict[str, Any] = {
        "stack": stack,
        "specs": specs,
        "facts": facts,
        "project": facts.project or stack.name,
        "networks": [n for n in ("edge", "app", "data", "local") if any(n in s.networks for s in specs)],
        "volumes": sorted({name for spec in specs for name in spec.volumes.values()}),
        "secrets": sorted({source for spec in specs for source in spec.secrets.values()}),
        "settings": sorted({file for spec in specs for file in spec.settings.values()}),
        "digests": {file: hashlib.sha256(text.encode()).hexdigest()[:12] for file, text in settings.items()},
        "data_label": DATA_LABEL,
    }
    files = {COMPOSE: _template("compose.yaml.j2", values), SWARM: _template("stack.yaml.j2", values)}
    if facts.builds and any(service.database for service in stack.services):
        files |= migrate_files(stack)
    if facts.builds and facts.agent:
        files |= telemetry_recipe()
    return {**files, **settings}


def _spec(
    stack: Stack, service: Service, secrets: tuple[str, ...], endpoint: str, agent: bool
) -> ContainerSpec:
    match service.runtime:
        case "postgres":
            return stores.postgres(stack, service)
        case "valkey":
            return stores.valkey(stack, service)
        case "haproxy":
            return proxies.haproxy(stack, service, shares=agent)
        case "nginx":
            return proxies.nginx(stack, service)
        case _:
            return modules.module(stack, service, secrets, endpoint)


def _settings(stack: Stack, service: Service, facts: ContainerFacts) -> dict[str, str]:
    match service.runtime:
        case "postgres":
            return stores.postgres_files(stack, service)
        case "valkey":
            return stores.valkey_files(service)
        case "haproxy":
            shared = {name: each for name, (each, _) in facts.candidates.items()}
            return proxies.haproxy_files(stack, service, shared if facts.agent else None)
        case "nginx":
            return proxies.nginx_files(stack, service)
        case _:
            return {}


def _template(name: str, values: Mapping[str, Any]) -> str:
    environment = templates().overlay()
    environment.filters |= {
        "text": _text,
        "flow": _flow,
        "secret": secret_name,
        "setting": _setting_name,
        "port": port_variable,
    }
    text = environment.get_template(name).render(values)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"\n\n+(?=    )", "\n", text)).rstrip() + "\n"


def _text(value: object) -> str:
    """A YAML string that needs no thought: quoted where YAML could read it as something else."""
    text = str(value)
    plain = text.replace("/", "").replace(".", "").replace("_", "").replace("-", "").replace(":", "")
    safe = plain.isalnum() and plain.isascii() and not text[0].isdigit() and ": " not in text
    if (
        safe
        and not text.endswith(":")
        and text.lower() not in ("true", "false", "null", "yes", "no", "on", "off")
    ):
        return text
    return json.dumps(text, ensure_ascii=False)


def _flow(values: object) -> str:
    """A YAML list on one line."""
    if not isinstance(values, list | tuple):
        raise RenderError(f"{values!r} is no list")
    return "[" + ", ".join(_text(value) for value in values) + "]"


def _setting_name(file: str) -> str:
    return file.replace("/", "_").replace(".", "_").replace("-", "_")
