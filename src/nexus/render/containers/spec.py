"""One service as a container: all that a Compose file or a Swarm stack says of it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nexus.stack import Service

Network = Literal["edge", "app", "data", "local"]
Side = Literal["", "stable", "candidate"]
Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]
SECRETS = "/run/secrets"
SETTINGS = "/etc/nexus"
EDGE_PORT = 8080  # where Nginx listens in its container


@dataclass(frozen=True)
class Published:
    """A port of the container on the machine: on loopback, unless `world`."""

    service: str
    port: int
    inner: int
    world: bool = False


@dataclass(frozen=True)
class HealthCheck:
    """The question an engine asks inside the container. Durations in seconds.

    `gentle` is what an orchestrator asks that kills whoever fails: it must not fail because of a neighbour.
    `live` is whether it answers at all: who does not is restarted.
    """

    test: tuple[str, ...]
    gentle: tuple[str, ...]
    live: tuple[str, ...]
    start_period: int = 60
    interval: int = 10
    timeout: int = 5
    retries: int = 3


@dataclass(frozen=True)
class ContainerSpec:
    """A container of a service.

    `secrets`: file name in the container -> `owner/name` of the secret. `settings`: path in the container ->
    file beside the Compose file. `volumes`: path -> volume. `binds`: path -> path on the machine, from
    the stack's folder on. `tmpfs`: path -> mebibytes. Memory in bytes,
    `grace` in seconds. `side` tells two releases of a module apart that run at once ("" = it is no module).
    `node`: the id of the only node that it may run on ("" = no such); `decision`: the number of the decision
    that put it there (0 = there was none).
    """

    name: str
    image: str
    service: Service | None = None
    dockerfile: str = ""
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    binds: Mapping[str, str] = field(default_factory=dict)
    tmpfs: Mapping[str, int] = field(default_factory=dict)
    networks: tuple[Network, ...] = ()
    published: tuple[Published, ...] = ()
    health: HealthCheck | None = None
    needs: Mapping[str, Condition] = field(default_factory=dict)
    memory: int = 256 << 20
    cpus: float = 1.0
    pids: int = 200
    replicas: int = 1
    grace: int = 25
    hardened: bool = True
    init: bool = False
    once: bool = False
    everywhere: bool = False
    pinned: bool = False
    side: Side = ""
    node: str = ""
    decision: int = 0

    @property
    def alone(self) -> bool:
        """Whether two of it cannot run at once on a node: it holds data, or a port of the machine."""
        return self.pinned or any(port.world for port in self.published)

    @property
    def release_variable(self) -> str:
        """The variable that names the release of its image."""
        return release_variable(self.name)

    @property
    def release(self) -> str:
        """Its release, or the variable that names it."""
        if self.service is not None and not self.dockerfile:
            return self.service.release
        return release_of(self.name, self.service.secrets_version if self.service else "")


def release_variable(name: str) -> str:
    """The variable that names the content of the image of a service, or of its candidate."""
    return f"NEXUS_RELEASE_{_upper(name)}"


def release_of(name: str, secrets_version: str) -> str:
    """The id of a release, for the engine to complete: its content, and the version of its secrets."""
    return f"${{{release_variable(name)}:-local}}{'-' if secrets_version else ''}{secrets_version}"


def candidate_name(service: str) -> str:
    """The name in containers of a release that is let in beside the stable one.

    No service has a name with an underscore.
    """
    return f"{service}_next"


def secrets_owner(service: Service) -> str:
    """The folder of the secrets that a release of a service is given."""
    return f"{service.name}@{service.secrets_version}" if service.secrets_version else service.name


def port_variable(service: str) -> str:
    """The variable that moves a service's port on the machine."""
    return f"NEXUS_PORT_{_upper(service)}"


def secret_name(source: str) -> str:
    """A secret's name in the Compose file: `sales@2/database_url` is `sales.2_database_url`."""
    return source.replace("/", "_").replace("-", "_").replace("@", ".")


def tcp_probe(port: int, path: str) -> tuple[str, ...]:
    """Asks over HTTP with nothing but bash, which the official Debian images have; 200 is well."""
    ask = (
        f"exec 3<>/dev/tcp/127.0.0.1/{port}; "
        f"printf 'GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3; "
        'IFS= read -r line <&3; [[ "$line" == *" 200 "* ]]'
    )
    return ("CMD", "bash", "-c", ask)


def _upper(name: str) -> str:
    return name.upper().replace("_", "__").replace("-", "_")
