"""A surveyed project -> the bodies of its manifests, with reasons and notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.adoption.databases import OwnSchema, databases
from nexus.adoption.environment import environment
from nexus.adoption.limits import resources, rollout, scale
from nexus.adoption.mounts import mounts
from nexus.adoption.naming import manifest_name, reserved
from nexus.adoption.needs import Needs, needs
from nexus.adoption.notes import Findings
from nexus.adoption.omissions import omissions
from nexus.adoption.ports import Address, ports
from nexus.adoption.probes import asked_path
from nexus.adoption.roles import Role, roles
from nexus.adoption.routing import routes_of, upstreams
from nexus.adoption.serving import settled
from nexus.adoption.survey import Survey
from nexus.composefile import ComposeService

EDGE_HEALTH = "/edge/health"


@dataclass(frozen=True)
class Draft:
    """The manifest of one service. `body` is what the file will say; `folder` is where a brick's will lie."""

    service: ComposeService
    name: str
    role: Role
    folder: Path
    body: Mapping[str, Any]


def drafts(survey: Survey, folder: Path, findings: Findings) -> tuple[Draft, ...]:
    """Return the manifest of each service; bricks will lie in `folder`/modules."""
    role = roles(survey, findings)
    schemas = databases(survey, role, findings)
    role = settled(role, schemas, survey, findings)
    images = {name for name, each in role.items() if each.runtime == "image"}
    port = ports(survey, images, findings)
    routes = routes_of(survey, role, findings)
    found = []
    for name, service in survey.project.services.items():
        if reserved(name):
            text = "{theirs} is a name of the platform's own"
            findings.because(survey.names[name], "name", text, service.at, theirs=name)
        own = schemas.get(name)
        brick = folder / "modules" / survey.names[name]
        needed = needs(service, survey, role, own.database if own else None, findings)
        body = _body(service, survey, role, port[name], needed, own, routes.get(name, ()), brick, findings)
        omissions(service, survey, role[name], findings)
        found.append(Draft(service, survey.names[name], role[name], brick, body))
    return tuple(found)


def stack_body(survey: Survey, found: tuple[Draft, ...]) -> dict[str, Any]:
    """Return what nexus.yaml says."""
    body: dict[str, Any] = {"name": manifest_name(survey.project.name), "title": survey.project.name}
    bricks = [draft for draft in found if draft.role.brick]
    if bricks:
        body["bricks"] = ["modules/*"]
        body["modules"] = {draft.name: "on" if draft.role.on else "off" for draft in bricks}
    infrastructure = {draft.name: draft.body for draft in found if not draft.role.brick}
    if infrastructure:
        body["infrastructure"] = infrastructure
    return body


def _body(
    service: ComposeService,
    survey: Survey,
    roles_: Mapping[str, Role],
    address: Address,
    needed: Needs,
    own: OwnSchema | None,
    routes: tuple[str, ...],
    brick: Path,
    findings: Findings,
) -> dict[str, Any]:
    role, name = roles_[service.name], survey.names[service.name]
    body: dict[str, Any] = {"name": name} if role.brick else {}
    if role.kind != "module":
        body["kind"] = role.kind
    body["runtime"] = role.runtime
    if role.image is not None:
        body["image"] = role.image
        body |= _command(service, survey, findings)
    body["port"] = address.port
    if role.runtime == "image":
        if address.inner != address.port:
            body["container_port"] = address.inner
        body |= _if({"volumes": mounts(service, survey, brick.parents[1], findings)})
    named = {"hard": needed.hard, "soft": needed.soft}
    body |= _if({"needs": {k: [survey.names[each] for each in v] for k, v in named.items() if v}})
    if role.kind == "edge":
        body |= _if({"upstreams": upstreams(service.name, survey, findings)})
    body |= _if({"routes": list(routes)})
    body["health"] = _health(service, role, name, findings)
    if own is not None:
        body["database"] = own.manifest(brick)
    if role.runtime == "image":
        given = environment(service, survey, roles_, own, needed, findings)
        body |= _if({"secrets": list(given.secrets), "env": dict(given.env)})
    elif role.runtime == "nginx":
        body |= _if({"env": _body_limit(service, survey, findings)})
    body |= _if(
        {
            "resources": resources(service, name, findings),
            "rollout": rollout(service, name, findings),
        }
    )
    scale(service, name, findings)
    return body


def _if(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _command(service: ComposeService, survey: Survey, findings: Findings) -> dict[str, Any]:
    words = service.command or ()
    if any(survey.secrets.within(word) for word in words):
        findings.unknown(
            survey.names[service.name],
            "its command holds a secret and was not copied",
            "let it read the secret from a file, then write `command`",
            service.place("command"),
        )
        return {}
    return {"command": list(words)} if words else {}


def _health(service: ComposeService, role: Role, name: str, findings: Findings) -> dict[str, str]:
    if role.runtime == "nginx":
        return {"live": EDGE_HEALTH, "ready": EDGE_HEALTH}
    path = asked_path(service.healthcheck) if role.runtime == "image" else None
    if path is not None and service.healthcheck is not None:
        findings.because(
            name, "health.ready", "its health check asks {path}", service.healthcheck.at, path=path
        )
    return {"live": "", "ready": path or ""}


def _body_limit(service: ComposeService, survey: Survey, findings: Findings) -> dict[str, str]:
    routes = survey.nginx.get(service.name)
    if routes is None or routes.body_limit is None:
        return {}
    limit, at = routes.body_limit
    name = survey.names[service.name]
    if limit.rstrip("KMG") == "0":
        findings.unknown(name, "takes bodies of any size, Nexus takes 2M", "set BODY_LIMIT under env", at)
        return {}
    findings.because(name, "env.BODY_LIMIT", "nginx takes bodies up to {limit}", at, limit=limit)
    return {"BODY_LIMIT": limit}
