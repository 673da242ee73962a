"""What one part of a project says about another: names that must exist, circles, services that cannot run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nexus.composefile.model import ComposeService, Project
from nexus.composefile.places import Fault, Place, suggest


def check_references(project: Project) -> list[Fault]:
    """Return every fault between the parts of a project."""
    return [fault for service in project.services.values() for fault in _service(service, project)] + _circle(
        project
    )


def _service(service: ComposeService, project: Project) -> Iterable[Fault]:
    where = f"services.{service.name}"
    if service.image is None and service.build is None and "provider" not in service.places:
        yield Fault(service.at, where, "has neither an image nor a build", "add `image:` or `build:`")
    if service.network_mode and "networks" in service.places:
        yield Fault(
            service.place("network_mode"), where, "has a network_mode and networks", "remove one of them"
        )
    for name, attachment in service.networks.items():
        if name != "default":
            yield from _unknown(name, attachment.at, f"{where}.networks", "network", project.networks)
    for mount in service.volumes:
        if mount.type == "volume" and mount.source:
            yield from _unknown(mount.source, mount.at, f"{where}.volumes", "volume", project.volumes)
    for grant in service.secrets:
        yield from _unknown(grant.source, grant.at, f"{where}.secrets", "secret", project.secrets)
    for grant in service.configs:
        yield from _unknown(grant.source, grant.at, f"{where}.configs", "config", project.configs)
    for name, condition in service.depends_on.items():
        if condition.required:
            yield from _unknown(name, condition.at, f"{where}.depends_on", "service", project.services)
    for mount in service.volumes:
        if mount.type == "bind" and not mount.source:
            yield Fault(mount.at, f"{where}.volumes", "a bind has no source", "add `source:`")


def _unknown(name: str, at: Place, where: str, what: str, known: Mapping[str, object]) -> Iterable[Fault]:
    if name not in known:
        yield Fault(at, where, f"no {what} is named {name!r}", suggest(name, known))


def _circle(project: Project) -> list[Fault]:
    """Return a fault for the first circle of dependencies found."""
    done: set[str] = set()
    for start in project.services:
        path: list[str] = []
        stack = [(start, iter(project.services[start].depends_on))]
        while stack:
            name, rest = stack[-1]
            if name not in path:
                path.append(name)
            following = next((n for n in rest if n in project.services and n not in done), None)
            if following is None:
                done.add(name)
                path.pop()
                stack.pop()
            elif following in path:
                circle = " -> ".join((*path[path.index(following) :], following))
                at = project.services[name].depends_on[following].at
                what = f"services depend on each other in a circle: {circle}"
                return [Fault(at, f"services.{name}.depends_on", what, "remove one of them")]
            else:
                stack.append((following, iter(project.services[following].depends_on)))
    return []
