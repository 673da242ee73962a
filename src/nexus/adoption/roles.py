"""What each service is: its kind, what runs it, and whether it is on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.adoption.images import CACHES, DATABASES, GATEWAYS, PROXIES
from nexus.adoption.notes import Findings
from nexus.adoption.survey import Survey
from nexus.composefile import ComposeService
from nexus.stack.manifest import Kind, Runtime

WEB_PORTS = frozenset({80, 443})
OUR_POSTGRES = 18


@dataclass(frozen=True)
class Role:
    """`brick`: it gets a folder with a manifest; else an entry under `infrastructure`."""

    kind: Kind
    runtime: Runtime
    image: str | None
    on: bool

    @property
    def brick(self) -> bool:
        return self.kind == "module" or not self.on


def roles(survey: Survey, findings: Findings) -> Mapping[str, Role]:
    """Return the role of each service."""
    one_off = {
        name
        for service in survey.project.services.values()
        for name, condition in service.depends_on.items()
        if condition.condition == "service_completed_successfully"
    }
    return {
        name: _role(service, survey, findings, name in one_off)
        for name, service in survey.project.services.items()
    }


def _role(service: ComposeService, survey: Survey, findings: Findings, one_off: bool) -> Role:
    kind = _kind(service, survey, findings)
    runtime: Runtime = survey.images[service.name].own_runtime or "image"
    if service.build is not None or (runtime == "nginx" and (kind != "edge" or not _passes(service, survey))):
        runtime = "image"
    on = _on(service, survey, findings, one_off)
    image = None
    if runtime == "image":
        image = image_of(service, survey)
        if service.build is not None:
            _built(service, survey, findings)
    if survey.images[service.name].repository == "redis" and service.build is None:
        findings.unknown(
            survey.names[service.name],
            "runs Redis; Nexus itself runs Valkey, which speaks the same protocol",
            "write `runtime: valkey` without image and command to let Nexus run it",
            service.place("image"),
        )
    return Role(kind, runtime, image, on)


def image_of(service: ComposeService, survey: Survey) -> str:
    """Return the image with its tag, as an engine lists it; a digest stays as it is."""
    if service.image and "@" in service.image:
        return service.image
    image = survey.images[service.name]
    return f"{image.repository}:{image.tag}"


def _kind(service: ComposeService, survey: Survey, findings: Findings) -> Kind:
    name, image = survey.names[service.name], survey.images[service.name]
    published = {port.published for port in service.ports}
    kind: Kind = "module"
    if service.build is None and image.base in DATABASES:
        kind = "database"
    elif service.build is None and image.base in CACHES:
        kind = "cache"
    elif _passes(service, survey) and (published & WEB_PORTS or image.base in PROXIES):
        kind = "edge"
    elif service.build is None and image.base in PROXIES - {"nginx", "openresty", "httpd"} | GATEWAYS:
        kind = "edge" if published & WEB_PORTS else "gateway"
    elif service.build is None and image.base in PROXIES and published & WEB_PORTS:
        kind = "edge"
    if kind != "module":
        findings.because(name, "kind", "its image is {image}", service.place("image"), image=image.repository)
    return kind


def _passes(service: ComposeService, survey: Survey) -> bool:
    """Whether the service's nginx passes requests to another service."""
    routes = survey.nginx.get(service.name)
    return routes is not None and any(each.host in survey.hosts for each in routes.locations)


def _on(service: ComposeService, survey: Survey, findings: Findings, one_off: bool) -> bool:
    name = survey.names[service.name]
    if service.profiles:
        findings.because(
            name,
            "modules",
            "it is off: Compose starts it with the profile {profile} only",
            service.place("profiles"),
            profile=service.profiles[0],
        )
        return False
    if service.replicas == 0:
        findings.because(name, "modules", "it is off: its replicas are 0", service.place("deploy"))
        return False
    if one_off:
        findings.unknown(
            name,
            "runs once and ends, but a manifest describes what keeps running; it is switched off",
            "run it by hand, or write it as a task in nexus.yaml",
            service.at,
        )
        return False
    return True


def _built(service: ComposeService, survey: Survey, findings: Findings) -> None:
    assert service.build is not None
    file = service.build.dockerfile
    if "://" not in service.build.context:
        file = survey.shown(Path(service.build.context) / file)
    name = survey.names[service.name]
    findings.because(name, "image", "Compose builds it from {file}", service.build.at, file=file)
    findings.unknown(
        name,
        "Compose builds the image, and a manifest has no field for that",
        "build it before `nexus up` (docker compose build), or give the brick a runtime that Nexus builds",
    )


def another_version(service: ComposeService, survey: Survey, findings: Findings) -> None:
    """Record that Nexus runs another PostgreSQL than the project."""
    name, image = survey.names[service.name], survey.images[service.name]
    if image.major != OUR_POSTGRES:
        findings.unknown(
            name,
            "runs PostgreSQL {version}, Nexus runs {ours}",
            "move the data with pg_dump and pg_restore, not by copying files",
            service.place("image"),
            version=image.tag,
            ours=OUR_POSTGRES,
        )
