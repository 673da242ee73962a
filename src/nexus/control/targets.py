"""What there is to collect from: a stack and its instances, told to the collector as plain values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nexus.business.declared import declared_kpis, declared_probes, declared_processes
from nexus.control.facts import InstanceFacts
from nexus.control.keeper import RuntimeName
from nexus.control.secrets import CHECK_URL
from nexus.render.containers.telemetry import agent, reached
from nexus.render.questions import questions
from nexus.runtimes.site import INNER_PORTS, LOOPBACK, Site, needed
from nexus.stack import Service
from nexus.stack.names import CONTROL, TELEMETRY, TELEMETRY_TOKEN
from nexus.telemetry.targets import Instance, LogFormat, LogSource, ServiceTarget, Targets

REDIS_URL = "redis_url"
REPLICA_URL = "replica_url"
FORMATS: Mapping[str, LogFormat] = {
    "python": "json",
    "node": "json",
    "haproxy": "haproxy",
    "nginx": "nginx",
    "postgres": "postgres",
    "valkey": "valkey",
}
Seen = Mapping[str, Sequence[InstanceFacts]]


def targets(
    site: Site,
    runtime: RuntimeName,
    instances: Seen,
    ended: Seen | None = None,
    replicas: Collection[str] = (),
) -> Targets:
    """What telemetry is to look at now. `instances` are those of each service, down ones among them; `ended`
    those whose output can still be read although others have taken their place; `replicas` the databases
    whose standby may be asked instead. Pure.
    """
    contained = runtime != "process"
    services = (*site.stack.services, *((agent(),) if contained else ()))
    sources = _contained(services, runtime, instances, ended or {}) if contained else _files(site)
    return Targets(
        stack=site.stack.name,
        root=str(site.stack.root),
        runtime=runtime,
        agent=f"http://{LOOPBACK}:{site.telemetry_port}" if contained else "",
        agent_token=str(site.home.secret(TELEMETRY, TELEMETRY_TOKEN)) if contained else "",
        services=tuple(_service(site, service, service.name in replicas) for service in site.stack.services),
        instances=tuple(
            _instance(site, service, facts, contained)
            for service in services
            for facts in instances.get(service.name, ())
            if facts.alive
        ),
        sources=tuple(sources),
        kpis=declared_kpis(site.stack),
        processes=declared_processes(site.stack),
        probes=declared_probes(site.stack, site.secret_named),
    )


def replicas(site: Site) -> tuple[str, ...]:
    """The databases whose standby is close enough behind to be asked now: their files say so."""
    databases = site.stack.of_kind("database")
    return tuple(each.name for each in databases if site.home.secret(each.name, REPLICA_URL).exists())


def _service(site: Site, service: Service, replica: bool) -> ServiceTarget:
    inner = INNER_PORTS.get(service.runtime, service.inner_port)
    return ServiceTarget(
        name=service.name,
        kind=service.kind,
        runtime=service.runtime,
        port=inner if site.contained else site.ports[service.name],
        stable=f"{LOOPBACK}:{site.ports[service.name]}",
        **asdict(questions(service)),
        schema=service.database.schema_ if service.database else "",
        secret_files=_secret_files(site, service, replica),
    )


def _secret_files(site: Site, service: Service, replica: bool) -> dict[str, str]:
    """Name → file of what opens a database or a cache, as far as there is one."""
    if service.runtime == "postgres":
        names = (CHECK_URL, REPLICA_URL) if replica else (CHECK_URL,)
        return {name: str(site.home.secret(service.name, name)) for name in names}
    if service.runtime == "valkey":
        users = [each.name for each in site.stack.services if needed(site.stack, each, "valkey") == service]
        return {REDIS_URL: str(site.home.secret(users[0], REDIS_URL))} if users else {}
    return {}


def _instance(site: Site, service: Service, facts: InstanceFacts, contained: bool) -> Instance:
    """An instance. In containers, those that the agent asks have no address on this machine."""
    inside = contained and (service in reached(site.stack) or service.name == TELEMETRY)
    port = site.ports[service.name] if contained else facts.port
    return Instance(
        service=service.name,
        id=facts.id,
        release=facts.release,
        address="" if inside else f"{LOOPBACK}:{port}",
        pid=facts.pid,
        container=facts.container,
        node=facts.node,
        state=facts.state,
        since=facts.since,
        restarts=facts.restarts,
    )


def _files(site: Site) -> Iterator[LogSource]:
    """Processes write to one file per service; a database besides to a folder that it rotates by itself."""
    for service in site.stack.services:
        name, form = service.name, _format(service)
        yield LogSource(f"file:{name}", name, "file", str(site.home.log(name)), form)
        if service.runtime == "postgres":
            where = str(site.home.logs / f"{name}.d" / "*.json")
            yield LogSource(f"rotating:{name}", name, "rotating", where, form)
    yield LogSource(f"file:{CONTROL}", CONTROL, "file", str(site.home.log(CONTROL)), "plain")


def _contained(
    services: Sequence[Service], runtime: RuntimeName, instances: Seen, ended: Seen
) -> Iterator[LogSource]:
    """What an engine keeps: by container, or by task of a Swarm, wherever that runs."""
    for service in services:
        for facts in (*instances.get(service.name, ()), *ended.get(service.name, ())):
            if runtime == "swarm" and facts.task:
                yield _kept(service, f"task:{facts.task}", "task", facts.task, facts)
            elif runtime == "compose" and facts.container:
                yield _kept(service, f"container:{facts.container}", "container", facts.container, facts)


def _kept(service: Service, key: str, kind: Any, where: str, facts: InstanceFacts) -> LogSource:
    return LogSource(key, service.name, kind, where, _format(service), facts.id, facts.release)


def _format(service: Service) -> LogFormat:
    return FORMATS.get(service.runtime, "plain")
