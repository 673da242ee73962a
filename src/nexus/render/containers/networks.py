"""Which networks a service is part of. What need not meet cannot reach each other.

edge    users' way in: the edge, the gateway, and what the edge shows
app     the gateway and the modules behind it
data    databases and caches with the modules that need them; no way out
local   only to publish databases on this machine's loopback: no way out, and none between its members
"""

from __future__ import annotations

from nexus.render.containers.spec import Network
from nexus.stack import Service, Stack

STORES = ("database", "cache")


def networks_of(stack: Stack, service: Service) -> tuple[Network, ...]:
    """The networks of a service, in the order edge, app, data, local."""
    if service.kind in STORES:
        return ("data", "local")
    found: list[Network] = []
    if service.kind in ("edge", "gateway") or shown_by_edge(stack, service):
        found.append("edge")
    direct = gateway_of(stack) is None  # then modules call one another
    foreign_edge = service.kind == "edge" and service.runtime == "image"  # what it shows is not known
    inner = service.kind == "module" and (service.routes or not found or direct)
    if service.kind == "gateway" or foreign_edge or inner:
        found.append("app")
    needs = (*service.needs.hard, *service.needs.soft)
    if any(stack.has(need) and stack.service(need).kind in STORES for need in needs):
        found.append("data")
    return tuple(found)


def shown_by_edge(stack: Stack, service: Service) -> bool:
    """Whether the edge passes requests to this module."""
    return service.kind == "module" and any(
        service.name in edge.upstreams.values() for edge in stack.of_kind("edge")
    )


def gateway_of(stack: Stack) -> Service | None:
    """The proxy that stands in front of the modules' stable ports, if the stack has one."""
    return next((g for g in stack.of_kind("gateway") if g.runtime == "haproxy"), None)
