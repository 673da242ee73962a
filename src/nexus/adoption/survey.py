"""What is known about a project before any manifest is drafted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.adoption.addresses import Address, addresses_in, hosts_of
from nexus.adoption.images import ImageName, image_name
from nexus.adoption.naming import stack_names
from nexus.adoption.nginx import NginxRoutes, read_nginx
from nexus.adoption.prisma import PrismaSchema, find_prisma
from nexus.adoption.secrecy import Secrets
from nexus.composefile import ComposeService, Place, Project


@dataclass(frozen=True)
class Reference:
    """A value of one service that names another one as a host."""

    service: str
    key: str
    address: Address
    at: Place


@dataclass(frozen=True)
class Survey:
    """A project with what its files say. Services go by their Compose names; `names` holds the others."""

    project: Project
    names: Mapping[str, str]
    hosts: Mapping[str, str]
    images: Mapping[str, ImageName]
    secrets: Secrets
    nginx: Mapping[str, NginxRoutes]
    prisma: Mapping[str, PrismaSchema]
    references: Mapping[str, tuple[Reference, ...]]

    def shown(self, path: Path) -> str:
        """Return a path as the project's own people would write it."""
        root = self.project.root
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def survey(project: Project) -> Survey:
    """Read all that a project's own files tell."""
    services = project.services
    hosts = hosts_of(project)
    return Survey(
        project=project,
        names=stack_names(services),
        hosts=hosts,
        images={name: image_name(_image(project, service)) for name, service in services.items()},
        secrets=Secrets(project),
        nginx={n: read for n, s in services.items() if (read := read_nginx(s, project)) is not None},
        prisma={n: schema for n, s in services.items() if (schema := find_prisma(s)) is not None},
        references={name: tuple(_references(service, hosts)) for name, service in services.items()},
    )


def _image(project: Project, service: ComposeService) -> str:
    """Return the image; what Compose builds without a name is called after project and service."""
    return service.image or f"{project.name}-{service.name}"


def _references(service: ComposeService, hosts: Mapping[str, str]) -> list[Reference]:
    found = []
    texts = [(key, value.text or "", value.at) for key, value in service.environment.items()]
    texts += [("command", word, service.place("command")) for word in service.command or ()]
    for key, text, at in texts:
        for address in addresses_in(text, key):
            target = hosts.get(address.host)
            if target is not None and target != service.name:
                found.append(Reference(target, key, address, at))
    return found
