"""Facts of this machine -> the configuration files of the proxies."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.control.facts import Side
from nexus.control.processes.proxies import finish_limit
from nexus.control.processes.shares import MAP
from nexus.render import HaproxyFacts, NginxFacts, Server, haproxy_config, nginx_config
from nexus.render.haproxy import candidate_backend
from nexus.runtimes.process.drivers import haproxy, nginx
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper
    from nexus.control.processes.supervisor import Supervisor

SERVER_LINE = re.compile(r"^\s*server \S+ \S+$")


def render(keeper: ProcessKeeper, site: Site, service: Service, port: int) -> str:
    """The configuration text of a service as `service` has it; empty for those that need none."""
    site = with_service(site, service)
    if service.runtime == "haproxy":
        return haproxy_config(site.stack, _haproxy_facts(keeper, site, service))
    if service.runtime == "nginx":
        return nginx_config(site.stack, _nginx_facts(site, service, port))
    return ""


def with_service(site: Site, service: Service) -> Site:
    """The site whose stack has this service as it is told here."""
    if not site.stack.has(service.name) or site.stack.service(service.name) is service:
        return site
    services = tuple(service if each.name == service.name else each for each in site.stack.services)
    return replace(site, stack=replace(site.stack, services=services))


def config_file(site: Site, service: Service) -> Path | None:
    """Where a proxy's configuration lies; None for services that have none."""
    names = {"haproxy": haproxy.CONFIG, "nginx": nginx.CONFIG}
    name = names.get(service.runtime)
    return site.home.config(service.name) / name if name else None


def skeleton(text: str) -> str:
    """A configuration without what changes while it runs: the instances."""
    return "\n".join(line for line in text.splitlines() if not SERVER_LINE.match(line))


def servers(keeper: ProcessKeeper, site: Site) -> dict[str, tuple[Server, ...]]:
    """The instances that get requests, by the backend behind which they stand."""
    supervisor = keeper.supervisor
    if supervisor is None:
        return {}
    found: dict[str, tuple[Server, ...]] = {}
    for service in site.stack.services:
        if supervisor.fronted(service):
            found[service.name] = _servers(supervisor, service, "stable")
            found[candidate_backend(service.name)] = _servers(supervisor, service, "candidate")
    return found


def _servers(supervisor: Supervisor, service: Service, side: Side) -> tuple[Server, ...]:
    serving = (instance for instance in supervisor.of(service.name) if side in instance.serves)
    return tuple(Server(instance.id, LOOPBACK, instance.slot.port) for instance in serving)


def _haproxy_facts(keeper: ProcessKeeper, site: Site, service: Service) -> HaproxyFacts:
    return HaproxyFacts(
        bind_host=LOOPBACK,
        ports=site.ports,
        stats_socket=haproxy.stats_socket(site, service),
        servers=servers(keeper, site),
        keys=keeper.keys.known() if keeper.keys else (),
        metrics_for=LOOPBACK,
        hard_stop_s=finish_limit(site.stack),
        split=keeper.home.config(service.name) / MAP,
    )


def _nginx_facts(site: Site, service: Service, port: int) -> NginxFacts:
    return NginxFacts(
        listen=f"{site.host(service)}:{port}",
        addresses={name: f"{LOOPBACK}:{number}" for name, number in site.ports.items()},
        run_dir=site.home.state(service.name),
    )
