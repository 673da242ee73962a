"""A Compose project as values: short forms written out, paths absolute, variables filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from nexus.composefile.places import Place
from nexus.composefile.scope import Variable

ConditionName = Literal["service_started", "service_healthy", "service_completed_successfully"]


@dataclass(frozen=True)
class Value:
    """One value of an environment, of labels or of arguments.

    `text` is None when only the name stands there and nothing sets it. `raw` is how it was written: with its
    variables, so that a literal (`raw == text`) can be told from a reference.
    """

    text: str | None
    at: Place
    raw: str = ""
    from_env_file: bool = False


@dataclass(frozen=True)
class Build:
    """How an image is built. `context` is an absolute path or a URL; `dockerfile` is inside it."""

    context: str
    at: Place
    dockerfile: str = "Dockerfile"
    dockerfile_inline: str | None = None
    target: str | None = None
    args: Mapping[str, Value] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Port:
    """A port of the container and where it is published. No `published`: the engine chooses one."""

    target: int
    at: Place
    published: int | None = None
    host_ip: str = ""
    protocol: str = "tcp"
    mode: str = "ingress"
    published_range: str = ""


@dataclass(frozen=True)
class Mount:
    """Something mounted into the container. `source` is a volume's name, or an absolute path for a bind."""

    type: str
    target: str
    at: Place
    source: str = ""
    read_only: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EnvFile:
    """A file of environment variables; its values are already part of the service's environment."""

    path: Path
    at: Place
    required: bool = True
    exists: bool = True


@dataclass(frozen=True)
class Condition:
    """What a dependency must have reached before the service starts."""

    condition: ConditionName
    at: Place
    required: bool = True
    restart: bool = False


@dataclass(frozen=True)
class HealthCheck:
    """`test` begins with CMD, CMD-SHELL or NONE; empty: the image's own. Times in seconds."""

    test: tuple[str, ...]
    at: Place
    interval: float | None = None
    timeout: float | None = None
    retries: int | None = None
    start_period: float | None = None
    start_interval: float | None = None
    disabled: bool = False


@dataclass(frozen=True)
class Limits:
    """What one container may use at most, and what is kept for it. Bytes, cores; None: no limit.

    From `deploy.resources`, else from `mem_limit`, `cpus`, `pids_limit`. `at` is None without any limit.
    """

    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None
    memory_reserved: int | None = None
    cpus_reserved: float | None = None
    at: Place | None = None


@dataclass(frozen=True)
class Logging:
    """The log driver of a service."""

    driver: str
    options: Mapping[str, str]
    at: Place


@dataclass(frozen=True)
class Attachment:
    """A network that a service joins."""

    network: str
    at: Place
    aliases: tuple[str, ...] = ()
    ipv4_address: str = ""


@dataclass(frozen=True)
class Grant:
    """A secret or config that a service may read as a file."""

    source: str
    at: Place
    target: str = ""
    mode: str = ""
    uid: str = ""
    gid: str = ""


@dataclass(frozen=True)
class ComposeService:
    """One service. None in `command`, `entrypoint`, `restart`, `user`: the image's own, or not said."""

    name: str
    at: Place
    image: str | None = None
    build: Build | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    ports: tuple[Port, ...] = ()
    expose: tuple[str, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    env_files: tuple[EnvFile, ...] = ()
    volumes: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    networks: Mapping[str, Attachment] = field(default_factory=dict)
    network_mode: str = ""
    depends_on: Mapping[str, Condition] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    healthcheck: HealthCheck | None = None
    deploy: Mapping[str, Any] = field(default_factory=dict)
    replicas: int | None = None
    limits: Limits = Limits()
    secrets: tuple[Grant, ...] = ()
    configs: tuple[Grant, ...] = ()
    user: str | None = None
    read_only: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    privileged: bool = False
    pid: str = ""
    ipc: str = ""
    userns_mode: str = ""
    devices: tuple[str, ...] = ()
    restart: str | None = None
    stop_grace_period: float | None = None
    stop_signal: str = ""
    init: bool | None = None
    profiles: tuple[str, ...] = ()
    labels: Mapping[str, Value] = field(default_factory=dict)
    logging: Logging | None = None
    container_name: str = ""
    hostname: str = ""
    working_dir: str = ""
    platform: str = ""
    pull_policy: str = ""
    extra_hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ulimits: Mapping[str, Any] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    def place(self, key: str) -> Place:
        """Return where a key of this service stands (`user` ...), else where the service does."""
        return self.places.get(key, self.at)


@dataclass(frozen=True)
class Network:
    """A network. `full_name` is its name in the engine."""

    name: str
    full_name: str
    at: Place
    external: bool = False
    internal: bool = False
    driver: str = ""


@dataclass(frozen=True)
class Volume:
    """A named volume. `full_name` is its name in the engine."""

    name: str
    full_name: str
    at: Place
    external: bool = False
    driver: str = ""
    driver_opts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileSource:
    """Where a secret or a config comes from: a file, an environment variable, a text, or from outside."""

    name: str
    full_name: str
    at: Place
    file: Path | None = None
    environment: str = ""
    content: str | None = None
    external: bool = False


@dataclass(frozen=True)
class Project:
    """A whole project. `services` are all of them, whatever their profiles; see `enabled`.

    `files` are all Compose files read, the first one named first; `root` is where its relative paths begin.
    """

    name: str
    root: Path
    files: tuple[Path, ...]
    services: Mapping[str, ComposeService]
    networks: Mapping[str, Network]
    volumes: Mapping[str, Volume]
    secrets: Mapping[str, FileSource]
    configs: Mapping[str, FileSource]
    variables: tuple[Variable, ...]
    extensions: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)

    def enabled(self, profiles: Iterable[str] = ()) -> Project:
        """Return what runs with these profiles (`*` is all), without what no service then uses."""
        wanted = set(profiles)
        services = {
            name: service
            for name, service in self.services.items()
            if "*" in wanted or not service.profiles or wanted & set(service.profiles)
        }
        used = services.values()
        networks = {network for service in used for network in service.networks}
        volumes = {m.source for service in used for m in service.volumes if m.type == "volume"}
        secrets = {grant.source for service in used for grant in service.secrets}
        configs = {grant.source for service in used for grant in service.configs}
        return replace(
            self,
            services=services,
            networks={name: each for name, each in self.networks.items() if name in networks},
            volumes={name: each for name, each in self.volumes.items() if name in volumes},
            secrets={name: each for name, each in self.secrets.items() if name in secrets},
            configs={name: each for name, each in self.configs.items() if name in configs},
        )
