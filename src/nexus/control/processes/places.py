"""Where instances listen: on the service's stable port, or behind the proxy that holds it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from nexus.runtimes import ports
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service, Stack

KEYS_INDEX = "keys.json"  # which of the gateway's verification keys lie in which files


def fronted(stack: Stack, service: Service) -> bool:
    """Whether the traffic layer holds the service's stable port, so that instances listen elsewhere."""
    return service.kind == "module" and any(g.runtime == "haproxy" for g in stack.of_kind("gateway"))


def alone(stack: Stack, service: Service) -> bool:
    """Whether two instances of it cannot run side by side: they share a port, or its manifest says so."""
    return not fronted(stack, service) or service.rollout.strategy == "recreate"


def free_slot(site: Site, service: Service, taken: Iterable[Slot]) -> Slot:
    """The place with the lowest number that none of the instances in `taken` has.

    Raises:
        StartError: a further instance would need the port of the first.
    """
    slots = tuple(taken)
    names = {slot.instance for slot in slots}
    number = next(n for n in count(1) if f"{service.name}-{n}" not in names)
    name = f"{service.name}-{number}"
    if fronted(site.stack, service):
        return Slot(name, free_port(site, slots))
    if number > 1:
        raise StartError(
            f"{service.name}: several instances on port {site.ports[service.name]} need a gateway; "
            "add one with `runtime: haproxy`, or set `scale: {min: 1}`"
        )
    return Slot(name, site.ports[service.name])


def free_port(site: Site, taken: Iterable[Slot]) -> int:
    """A port for an instance behind the proxy."""
    avoid = {*site.ports.values(), *(slot.port for slot in taken)}
    return next(ports.instance_ports(site.home.root, avoid))
