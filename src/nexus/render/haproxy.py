"""Stack + facts -> haproxy.cfg: one process for the stable port of every module, and for the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus.render.gateway import gateway_settings
from nexus.render.servers import SERVER_PARAMETERS, Server
from nexus.render.templating import RenderError, plain, templates
from nexus.stack import Service, Stack

# HAProxy binds a Unix socket under a longer temporary name, so less than the kernel's 107 bytes is usable.
LONGEST_SOCKET = 94
CANDIDATE_SUFFIX = ".next"


@dataclass(frozen=True)
class VerifyKey:
    """A public key that signs tokens: its `kid` and the PEM file that holds it."""

    kid: str
    path: Path


@dataclass(frozen=True)
class Discovery:
    """Instances found by name: every address that `host` has, at most `most` of them, listens on `port`."""

    host: str
    port: int
    most: int


@dataclass(frozen=True)
class KeySlots:
    """Places for verification keys that a script in the proxy fills: `PREFIX-0.pem` and so on, and the map
    `PREFIX-kids.map` from key ids to places. `folder` is that prefix.
    """

    folder: Path
    script: Path
    count: int = 8


@dataclass(frozen=True)
class HaproxyFacts:
    """Where things are on this machine.

    `ports` are the stable ports by service name. Behind them are `servers`, or what `discovery` finds by
    asking `resolver`. `keys` may be empty: until they are known, the gateway answers 503 to whatever needs a
    token; with `slots` the proxy fetches them by itself. `trusted` networks may say X-Forwarded-For, besides
    those of the manifest. `metrics_for` names the one host that the gateway tells its metrics, by /metrics
    on its own port: found by asking `resolver`, or this machine itself where there is none ("" = nobody).
    `split` is the map from a service to the percentage of requests that its candidate gets, which somebody
    changes while the proxy runs (None: no candidates); a candidate's instances stand in `servers` and
    `discovery` under `candidate_backend(service)`. `split_script` is loaded first where the proxy itself
    makes that map. `known` is a file that `known_script` fills with what is known of the servers, so that a
    proxy that has reloaded need not wait for `resolver`. `checked_script` gives the servers of `discovery`
    their weight when a health check has passed (None: they serve at once).
    """

    bind_host: str
    ports: Mapping[str, int]
    stats_socket: Path
    servers: Mapping[str, tuple[Server, ...]] = field(default_factory=dict)
    keys: tuple[VerifyKey, ...] = ()
    discovery: Mapping[str, Discovery] = field(default_factory=dict)
    resolver: str = ""
    slots: KeySlots | None = None
    trusted: tuple[str, ...] = ()
    hard_stop_s: int = 90
    metrics_for: str = ""
    split: Path | None = None
    split_script: Path | None = None
    known: Path | None = None
    known_script: Path | None = None
    checked_script: Path | None = None
    pidfile: Path | None = None
    log_target: str = "stdout format raw local0"
    threads: int = 2


def haproxy_config(stack: Stack, facts: HaproxyFacts) -> str:
    """Return haproxy.cfg. Pure: equal values give equal text.

    Raises RenderError when a fact cannot be written down, ManifestError when a gateway setting is wrong.
    """
    behind = tuple(s for s in stack.services if s.kind == "module" and s.name in facts.ports)
    gateways = tuple(s for s in stack.of_kind("gateway") if s.runtime == "haproxy" and s.name in facts.ports)
    if len(gateways) > 1:
        raise RenderError(f"two gateways, {gateways[0].name} and {gateways[1].name}; keep one")
    gateway = gateways[0] if gateways else None
    return (
        templates()
        .get_template("haproxy.cfg.j2")
        .render(
            stack=stack,
            bind=plain("bind_host", facts.bind_host),
            ports={name: int(port) for name, port in facts.ports.items()},
            services=[_backend(service, facts) for service in behind],
            candidates=[_backend(service, facts, candidate=True) for service in behind if facts.split],
            gateway=_gateway(gateway, behind, stack, facts) if gateway else None,
            server_timeout=gateway_settings(gateway).server_timeout_ms if gateway else 30000,
            server_parameters=SERVER_PARAMETERS,
            stats_socket=plain("stats_socket", facts.stats_socket, LONGEST_SOCKET),
            pidfile=plain("pidfile", facts.pidfile) if facts.pidfile else None,
            log_target=" ".join(plain("log_target", word) for word in facts.log_target.split()),
            threads=facts.threads,
            resolver=plain("resolver", facts.resolver) if facts.resolver else None,
            slots=facts.slots,
            split=plain("split", facts.split) if facts.split else None,
            split_script=plain("split script", facts.split_script) if facts.split_script else None,
            known=plain("known servers", facts.known) if facts.known else None,
            known_script=plain("script", facts.known_script) if facts.known_script else None,
            checked_script=plain("script", facts.checked_script) if facts.checked_script else None,
            suffix=CANDIDATE_SUFFIX,
            hard_stop=facts.hard_stop_s,
        )
    )


def candidate_backend(service: str) -> str:
    """The name of what stands behind the gateway for a release that is being let in.

    No service has a name with a dot.
    """
    return f"{service}{CANDIDATE_SUFFIX}"


def _backend(service: Service, facts: HaproxyFacts, candidate: bool = False) -> dict[str, Any]:
    name = candidate_backend(service.name) if candidate else service.name
    servers = facts.servers.get(name, ())
    return {
        "name": name,
        "service": service.name,
        "next": candidate_backend(service.name),
        "sticky": service.rollout.sticky,
        "discovery": facts.discovery.get(name),
        "resolvers": "candidates" if candidate else "engine",
        "ready": service.health.ready,
        "servers": [(plain("server", s.id), plain("host", s.host), int(s.port)) for s in servers],
    }


def _gateway(
    gateway: Service, behind: tuple[Service, ...], stack: Stack, facts: HaproxyFacts
) -> dict[str, Any]:
    routes = sorted(
        ((route.rstrip("/") or "/", service.name) for service in behind for route in service.routes),
        key=lambda pair: (-len(pair[0]), pair[0]),
    )
    public = [path for service in behind for path in service.public]
    return {
        "name": gateway.name,
        "health": gateway.health,
        "settings": gateway_settings(gateway),
        "behind": [_backend(service, facts) for service in behind],
        "trusted": (*gateway_settings(gateway).trusted, *facts.trusted),
        "routes": routes,
        "public": [path for path in public if not path.endswith("*")],
        "public_below": [path.removesuffix("*") for path in public if path.endswith("*")],
        "verify_keys": [(plain("kid", key.kid), plain("key path", key.path)) for key in facts.keys],
        "metrics_for": plain("metrics_for", facts.metrics_for) if facts.metrics_for else None,
        "expects_keys": any(service.jwks for service in stack.services),
    }
