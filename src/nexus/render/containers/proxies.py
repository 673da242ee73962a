"""The gateway and the edge as containers of the official HAProxy and Nginx images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nexus.render.checked import checked_script
from nexus.render.containers.networks import gateway_of, networks_of
from nexus.render.containers.spec import (
    EDGE_PORT,
    SETTINGS,
    Condition,
    ContainerSpec,
    HealthCheck,
    Published,
    candidate_name,
    tcp_probe,
)
from nexus.render.containers.telemetry import ENDPOINT
from nexus.render.containers.telemetry import NAME as TELEMETRY
from nexus.render.gateway import longest_request
from nexus.render.haproxy import Discovery, HaproxyFacts, KeySlots, candidate_backend, haproxy_config
from nexus.render.keys import keys_script
from nexus.render.known import known_script
from nexus.render.nginx import NginxFacts, nginx_config
from nexus.render.split import split_script
from nexus.stack import Service, Stack

HAPROXY, NGINX = "haproxy:2.8", "nginx:1.30"
DRAIN_RESERVE = 5  # seconds
RUN = "/tmp"  # a folder that every image has: a memory file system elsewhere loses its mode at a restart
RESOLVER = "127.0.0.11"  # the engine's own name server, in every container
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")  # what the engine gives to its networks


def behind_gateway(stack: Stack) -> tuple[Service, ...]:
    """The modules whose stable ports the gateway holds."""
    return stack.of_kind("module") if gateway_of(stack) else ()


def haproxy(stack: Stack, service: Service, shares: bool) -> ContainerSpec:
    """The gateway: all stable ports of the modules, and the API. It finds instances by the engine's DNS.
    `shares`: whether it can share requests between two releases.
    """
    health = tcp_probe(service.port, service.health.ready or "/")
    gentle = tcp_probe(service.port, service.health.live or "/")
    ports = [(service.name, service.port), *((m.name, m.port) for m in behind_gateway(stack))]
    return ContainerSpec(
        name=service.name,
        image=service.image or HAPROXY,
        service=service,
        user="99:99",
        command=("haproxy", "-W", "-db", "-S", f"{RUN}/master.sock", "-f", f"{SETTINGS}/haproxy.cfg"),
        settings={f"{SETTINGS}/{name}": f"{service.name}/{name}" for name in haproxy_names(stack, shares)},
        tmpfs={RUN: 16},
        networks=networks_of(stack, service),
        published=tuple(Published(name, port, port) for name, port in ports),
        health=HealthCheck(health, gentle, gentle),
        memory=service.resources.memory,
        cpus=service.resources.cpus,
        replicas=service.scale.min,
        grace=15,  # its ports are free for the next one only then
        everywhere=True,
    )


def haproxy_names(stack: Stack, shares: bool) -> tuple[str, ...]:
    """The gateway's files; the script that fetches keys only where somebody publishes them, the one that
    fetches shares of requests only where somebody tells them.
    """
    keys, split = ("keys.lua",) if _publisher(stack) else (), ("split.lua",) if shares else ()
    return ("haproxy.cfg", "checked.lua", "known.lua", *keys, *split)


def haproxy_files(stack: Stack, service: Service, candidates: Mapping[str, Service] | None) -> dict[str, str]:
    """The settings of the gateway, by file beside the Compose file. `candidates` are the releases that are
    let in; None where the agent is missing, by which the gateway is told who gets how much.
    """
    publisher = _publisher(stack)
    slots = KeySlots(Path(RUN) / "keys", Path(SETTINGS) / "keys.lua") if publisher else None
    behind, known = behind_gateway(stack), Path(RUN) / "known"
    facts = HaproxyFacts(
        bind_host="*",
        ports={s.name: s.port for s in (service, *behind)},
        stats_socket=Path(RUN) / "stats.sock",
        discovery=_discovery(behind, candidates),
        resolver=RESOLVER,
        slots=slots,
        trusted=PRIVATE,
        hard_stop_s=longest_request(stack) + DRAIN_RESERVE,
        metrics_for=TELEMETRY,
        split=None if candidates is None else Path(RUN) / "split",
        split_script=None if candidates is None else Path(SETTINGS) / "split.lua",
        known=known,
        known_script=Path(SETTINGS) / "known.lua",
        checked_script=Path(SETTINGS) / "checked.lua",
    )
    files = {
        f"{service.name}/haproxy.cfg": haproxy_config(stack, facts),
        f"{service.name}/checked.lua": checked_script(facts.discovery),
        f"{service.name}/known.lua": known_script(known, facts.stats_socket),
    }
    if facts.split:
        files[f"{service.name}/split.lua"] = split_script(ENDPOINT, facts.split, [m.name for m in behind])
    if slots and publisher:
        url = f"http://127.0.0.1:{publisher.port}{publisher.jwks}"
        files[f"{service.name}/keys.lua"] = keys_script(url, slots, f"{RUN}/master.sock")
    return files


def _discovery(behind: tuple[Service, ...], candidates: Mapping[str, Service] | None) -> dict[str, Discovery]:
    """Where instances are found: by the service's name, those of a candidate by that of its containers."""
    # While one release takes the place of another, the service has the instances of both.
    found = {m.name: Discovery(m.name, m.inner_port, 2 * m.scale.max) for m in behind}
    if candidates is not None:
        for module in behind:
            port = candidates.get(module.name, module).inner_port
            found[candidate_backend(module.name)] = replace(
                found[module.name], host=candidate_name(module.name), port=port
            )
    return found


def nginx(stack: Stack, service: Service) -> ContainerSpec:
    """The edge: the only one that the world reaches."""
    gateway = gateway_of(stack)
    needs: dict[str, Condition] = {
        name: "service_started" if stack.service(name).runtime == "image" else "service_healthy"
        for name in service.upstreams.values()
        if stack.has(name)
    }
    if gateway:
        needs[gateway.name] = "service_healthy"
    ask = tcp_probe(EDGE_PORT, service.health.live or "/edge/health")
    return ContainerSpec(
        name=service.name,
        image=service.image or NGINX,
        service=service,
        user="101:101",
        entrypoint=("nginx",),
        command=("-e", "stderr", "-c", f"{SETTINGS}/nginx.conf"),
        settings={f"{SETTINGS}/nginx.conf": f"{service.name}/nginx.conf"},
        tmpfs={"/tmp": 64},
        networks=networks_of(stack, service),
        published=(Published(service.name, service.port, EDGE_PORT, world=True),),
        health=HealthCheck(ask, ask, ask),
        needs=needs,
        memory=service.resources.memory,
        cpus=service.resources.cpus,
        grace=25,
        everywhere=True,
    )


def nginx_files(stack: Stack, service: Service) -> dict[str, str]:
    """The settings of the edge, by file beside the Compose file. Modules are reached through the gateway."""
    addresses = {other.name: address(stack, other) for other in stack.services}
    facts = NginxFacts(listen=str(EDGE_PORT), addresses=addresses, run_dir=Path("/tmp"), resolver=RESOLVER)
    return {f"{service.name}/nginx.conf": nginx_config(stack, facts)}


def _publisher(stack: Stack) -> Service | None:
    """Who publishes the keys that verify tokens, if a gateway wants them."""
    return next((s for s in stack.services if s.jwks), None) if gateway_of(stack) else None


def address(stack: Stack, service: Service) -> str:
    """The `host:port` under which others reach this one: the gateway's, where it holds the port."""
    host = reached_through(stack, service)
    return f"{host}:{service.inner_port if host == service.name else service.port}"


def reached_through(stack: Stack, service: Service) -> str:
    """The name under which other services reach this one: the gateway's, where it holds the port."""
    gateway = gateway_of(stack)
    return gateway.name if gateway and service in behind_gateway(stack) else service.name
