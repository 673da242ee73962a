"""What there is to know of a stack's place on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import Account
from nexus.stack import Service, Stack
from nexus.stack.names import TELEMETRY

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
EDGE_HOST = "NEXUS_EDGE_HOST"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
INNER_PORTS = {"postgres": 5432, "valkey": 6379, "nginx": 8080}  # in a container; all others: the manifest's


@dataclass(frozen=True)
class Slot:
    """A place for one instance: its name and the port it listens on."""

    instance: str
    port: int


@dataclass(frozen=True)
class Site:
    """A stack on this machine: its folders and its stable ports (name -> port), that of telemetry among them.

    `contained`: its services run in containers, where they find one another by name.
    """

    stack: Stack
    home: Home
    ports: Mapping[str, int]
    contained: bool = False

    @property
    def telemetry_port(self) -> int:
        """The port of this machine's loopback that takes in telemetry; 0 when none was chosen."""
        return self.ports.get(TELEMETRY, 0)

    def inside(self, service: Service) -> str:
        """The `host:port` under which the stack's own services reach this one."""
        if self.contained:
            return f"{service.name}:{INNER_PORTS.get(service.runtime, service.inner_port)}"
        return f"{LOOPBACK}:{self.ports[service.name]}"

    def secret(self, service: Service, name: str) -> Path:
        """Where one secret lies in the set that this release of a service is given."""
        return self.home.secret(service.secrets_folder, name)

    def secret_named(self, service: str, name: str) -> Path:
        """Where one secret of a service lies that is known by its name alone."""
        if self.stack.has(service):
            return self.secret(self.stack.service(service), name)
        return self.home.secret(service, name)

    def host(self, service: Service) -> str:
        """The address a service listens on: loopback, but for the edge (unless NEXUS_EDGE_HOST names one)."""
        return os.environ.get(EDGE_HOST, EVERYWHERE) if service.kind == "edge" else LOOPBACK

    def base_environment(self, service: Service, slot: Slot) -> dict[str, str]:
        """Variables every process gets, whatever it is; nothing is inherited but the language."""
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(self.home.state(service.name)),
            "HOST": LOOPBACK,
            "PORT": str(slot.port),
            "NEXUS_SERVICE": service.name,
            "NEXUS_INSTANCE": slot.instance,
            "NEXUS_RELEASE": service.release,
            "NEXUS_MODULE_DIR": str(service.folder),
            "NEXUS_STATE_DIR": str(self.home.state(service.name)),
            "NEXUS_LANG": os.environ.get("NEXUS_LANG", "pt-BR"),
        }

    def module_environment(self, service: Service, slot: Slot) -> dict[str, str]:
        """The contract of a module: its own and its neighbours' stable addresses, its secrets as files."""
        env = self.base_environment(service, slot)
        for name in sorted({service.name, *self.neighbours(service)}):
            variable = f"NEXUS_URL_{name.upper().replace('-', '_')}"
            env[variable] = f"http://{LOOPBACK}:{self.ports[name]}"
        for other in self.stack.services:
            if other.jwks:
                env["NEXUS_JWKS_URL"] = f"http://{LOOPBACK}:{self.ports[other.name]}{other.jwks}"
        for name in secret_names(self.stack, service):
            env[f"{name.upper()}_FILE"] = str(self.secret(service, name))
        env["NEXUS_DRAIN"] = f"{service.rollout.drain:g}"
        collects = self.stack.collects and self.telemetry_port
        own = f"http://{LOOPBACK}:{self.telemetry_port}" if collects else ""
        endpoint = os.environ.get(ENDPOINT, own)
        if endpoint:
            env[ENDPOINT] = endpoint
        env.update({key: str(value) for key, value in service.env.items()})
        return env

    def neighbours(self, service: Service) -> frozenset[str]:
        """The other services whose addresses a module is given."""
        return frozenset(s.name for s in self.stack.of_kind("module", "gateway") if s.name != service.name)

    def folders(self, service: Service, account: Account | None) -> Path:
        """Creates the service's private folders; returns its state folder."""
        for folder in (self.home.config(service.name), self.home.sockets(service.name)):
            accounts.private_folder(folder, account)
        return accounts.private_folder(self.home.state(service.name), account)


def needed(stack: Stack, service: Service, runtime: str) -> Service | None:
    """The service of that runtime which `service` needs hard, if any."""
    for name in service.needs.hard:
        if stack.has(name) and stack.service(name).runtime == runtime:
            return stack.service(name)
    return None


def secret_names(stack: Stack, service: Service) -> tuple[str, ...]:
    """All secrets a service is given: the declared ones and those that its needs imply.

    Where somebody checks the modules' own secrets (`service_clients`), every module has one.
    """
    names = list(service.secrets)
    if service.kind == "module" and any("service_clients" in other.secrets for other in stack.services):
        names.append("client_secret")
    if needed(stack, service, "postgres"):
        names.append("database_url")
    if needed(stack, service, "valkey"):
        names.append("redis_url")
    return tuple(dict.fromkeys(names))
