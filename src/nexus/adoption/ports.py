"""The stable port of each service, and where it listens inside its container."""

from __future__ import annotations

import os.path
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.adoption.notes import Findings
from nexus.adoption.probes import asked_port
from nexus.adoption.survey import Survey
from nexus.composefile import ComposeService, Place, Port

_EXPOSE = re.compile(r"^\s*EXPOSE\s+(\d{1,5})", re.MULTILINE | re.IGNORECASE)
FIRST_FREE = 6100


@dataclass(frozen=True)
class Address:
    """The stable port, and the one inside the container."""

    port: int
    inner: int


def ports(survey: Survey, images: Collection[str], findings: Findings) -> Mapping[str, Address]:
    """Return the ports of each service; no two stable ones are equal. Published ones are given out first.

    `images` are the services that run from their image: only those have a port of their own inside.
    """
    services = survey.project.services
    found: dict[str, Address] = {}
    for name, service in services.items():
        port = _published(service)
        if port is not None and port.published not in {each.port for each in found.values()}:
            assert port.published is not None
            found[name] = Address(port.published, port.target)
            findings.because(survey.names[name], "port", "{port} is published", port.at, port=port.published)
            _others(service, port, survey, findings)
    for name, service in services.items():
        if name not in found:
            found[name] = _inner(service, survey, findings, {each.port for each in found.values()})
    for name in services:
        if name in images and found[name].inner != found[name].port:
            text, inner = "the container listens on {port}", found[name].inner
            findings.because(survey.names[name], "container_port", text, _place(services[name]), port=inner)
    return {name: found[name] for name in services}


def _published(service: ComposeService) -> Port | None:
    """Return the port users know: the web's own where it is among them, else the first."""
    shown = [port for port in service.ports if port.published is not None and port.protocol == "tcp"]
    web = [port for wanted in (80, 443) for port in shown if port.published == wanted]
    return next(iter(web or shown), None)


def _place(service: ComposeService) -> Place:
    chosen = _published(service)
    return chosen.at if chosen else service.place("expose")


def _others(service: ComposeService, chosen: Port, survey: Survey, findings: Findings) -> None:
    others = [str(port.published or port.target) for port in service.ports if port != chosen]
    if others:
        findings.unknown(
            survey.names[service.name],
            "publishes further ports ({ports}), a manifest has one",
            "describe them as services of their own, or do without",
            chosen.at,
            ports=", ".join(others),
        )


def _inner(service: ComposeService, survey: Survey, findings: Findings, taken: set[int]) -> Address:
    name = survey.names[service.name]
    for port, text, at in _candidates(service, survey):
        if port in taken:
            free = next(each for each in range(FIRST_FREE, 65536) if each not in taken)
            text = "others have {port} already; {free} is free"
            findings.because(name, "port", text, at, port=port, free=free)
            return Address(free, port)
        findings.because(name, "port", text, at, port=port)
        return Address(port, port)
    free = next(each for each in range(FIRST_FREE, 65536) if each not in taken)
    findings.unknown(
        name,
        "says nowhere which port it listens on; {free} is written down",
        "correct `port`; a service that listens on none cannot be described yet",
        service.at,
        free=free,
    )
    return Address(free, free)


def _candidates(service: ComposeService, survey: Survey) -> Iterator[tuple[int, str, Place]]:
    for port in service.ports:
        if port.protocol == "tcp":
            yield port.target, "the container listens on {port}", port.at
    for text in service.expose:
        if text.partition("/")[0].isdigit():
            yield int(text.partition("/")[0]), "{port} is exposed", service.place("expose")
    own = service.environment.get("PORT")
    if own is not None and (own.text or "").isdigit():
        yield int(own.text or ""), "its PORT says {port}", own.at
    asked = asked_port(service.healthcheck)
    if asked is not None and service.healthcheck is not None:
        yield asked, "its health check asks port {port}", service.healthcheck.at
    for references in survey.references.values():
        for each in references:
            if each.service == service.name and each.address.port is not None:
                yield each.address.port, "others call it at port {port}", each.at
    for routes in survey.nginx.values():
        for location in routes.locations:
            if survey.hosts.get(location.host) == service.name and location.port is not None:
                yield location.port, "nginx passes to port {port}", location.at
    usual = survey.images[service.name].usual_port
    if service.build is None and usual is not None:
        yield usual, "{port} is usual for this image", service.place("image")
    yield from _exposed(service)


def _exposed(service: ComposeService) -> Iterator[tuple[int, str, Place]]:
    if service.build is None or "://" in service.build.context:
        return
    file = Path(service.build.context) / service.build.dockerfile
    text = service.build.dockerfile_inline or ""
    if not text and os.path.isfile(file):
        text = file.read_text(encoding="utf-8", errors="replace")
    for match in _EXPOSE.finditer(text):
        at = Place(file, text.count("\n", 0, match.start(1)) + 1)
        yield int(match[1]), "its Dockerfile exposes {port}", at
