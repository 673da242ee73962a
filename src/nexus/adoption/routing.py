"""Paths: what an edge passes to whom, and which prefixes lead to a module."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nexus.adoption.nginx import Location
from nexus.adoption.notes import Findings
from nexus.adoption.roles import Role
from nexus.adoption.survey import Survey

_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")


def upstreams(service: str, survey: Survey, findings: Findings) -> dict[str, str]:
    """Return path prefix -> service (both as manifests write them) of a service's nginx."""
    found: dict[str, str] = {}
    routes = survey.nginx.get(service)
    for location in routes.locations if routes else ():
        target = survey.hosts.get(location.host)
        if target is None or target == service:
            _told(
                service, location, survey, findings, "passes {path} to {host}, which is no service here", ""
            )
        elif location.modifier not in ("", "^~") or not _PATH.fullmatch(location.path):
            mend = "write the prefixes that it stands for under upstreams"
            _told(service, location, survey, findings, "the location {path} is no plain prefix", mend)
        elif location.path not in found:
            found[location.path] = survey.names[target]
            if location.strips:
                text = "cuts {path} off before it passes a request to {host}; Nexus passes the whole path"
                _told(service, location, survey, findings, text, "let {host} answer under {path}")
    for at, error in routes.unreadable if routes else ():
        findings.unknown(
            survey.names[service],
            "its configuration cannot be read to the end ({error})",
            "mend it, or write upstreams by hand",
            at,
            error=error,
        )
    return found


def routes_of(survey: Survey, role: Mapping[str, Role], findings: Findings) -> Mapping[str, tuple[str, ...]]:
    """Return the prefixes that lead to each module, as the nginx configurations say. None is given twice."""
    found: dict[str, list[str]] = {}
    taken: set[str] = set()
    for service in survey.nginx:
        for location in survey.nginx[service].locations:
            target, prefix = survey.hosts.get(location.host), location.path.rstrip("/")
            plain = location.modifier in ("", "^~") and _PATH.fullmatch(location.path)
            if target is None or not prefix or not plain or not role[target].brick:
                continue
            if prefix in taken or prefix == "/internal" or prefix.startswith("/internal/"):
                continue
            taken.add(prefix)
            found.setdefault(target, []).append(prefix)
            name = survey.names[target]
            findings.because(name, "routes", "nginx passes {path} to it", location.at, path=location.path)
    return {name: tuple(prefixes) for name, prefixes in found.items()}


def _told(service: str, location: Location, survey: Survey, findings: Findings, text: str, mend: str) -> None:
    path = f"{location.modifier} {location.path}".strip()
    mend = mend or "add a service for it, or drop it"
    findings.unknown(survey.names[service], text, mend, location.at, path=path, host=location.host)
