"""nginx in front: routes past the gateway, upstreams that are nobody, and limits left to chance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nexus.audit import roles
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.readers.nginx import Directive, NginxFile
from nexus.audit.registry import rule
from nexus.audit.service import AuditedService
from nexus.audit.subject import Deployment, Subject

_TARGET = re.compile(
    r"(?:(https?|grpcs?|fastcgi|uwsgi)://)?(\[[\da-f:]+\]|[\w.\-]+)(?::(\d+))?(/.*)?$", re.IGNORECASE
)
_PASSES = ("proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass")


@dataclass(frozen=True)
class Route:
    """A directive that sends requests on: to which host and port, from which location."""

    config: NginxFile
    directive: Directive
    host: str
    port: int | None
    location: str


def _routes(config: NginxFile) -> Iterator[Route]:
    upstreams = {up.args[0]: up for up in config.all("upstream") if up.args}
    for each in config.all(*_PASSES):
        target = each.args[0] if each.args else ""
        match = _TARGET.fullmatch(target)
        if match is None or "$" in target:
            continue
        scheme, host, port, _ = match.groups()
        location = next((" ".join(args) for name, args in reversed(each.around) if name == "location"), "/")
        if host in upstreams:
            for server in upstreams[host].block:
                found = _TARGET.fullmatch(server.args[0]) if server.name == "server" and server.args else None
                if found and "unix:" not in server.args[0]:
                    yield Route(config, server, found.group(2), int(found.group(3) or 80), location)
        else:
            default = {"https": 443, "grpcs": 443}.get((scheme or "").lower(), 80)
            yield Route(config, each, host, int(port) if port else default, location)


def _used(subject: Subject) -> Iterator[tuple[NginxFile, Deployment]]:
    """Each configuration with the deployments whose nginx reads it: mounted, or copied by its Dockerfile."""
    for config in subject.nginx:
        for deployment in subject.deployments:
            if any(_reads(subject, service, config) for service in deployment.services):
                yield config, deployment


def _reads(subject: Subject, service: AuditedService, config: NginxFile) -> bool:
    for mount in service.compose.volumes:
        if mount.type == "bind" and mount.source:
            full = (subject.files.root / config.path).resolve().as_posix()
            source = mount.source.rstrip("/")
            if full == source or (full.startswith(source + "/") and "nginx" in mount.target):
                return True
    built = service.built
    if built is None or built.dockerfile is None:
        return False
    copies = " ".join(i.rest for stage in service.lineage for i in stage.all("COPY", "ADD"))
    near = built.context in (config.path.parent, *config.path.parents)
    return near and config.path.name in copies and "nginx" in copies


@rule(
    "nginx-unknown-upstream",
    Severity.HIGH,
    title=(
        "nginx passes requests to a name that is no service",
        "O nginx repassa a um nome que não é serviço",
    ),
    why=(
        "`{host}` is no service of {files}: nginx refuses to start (host not found in upstream)",
        "`{host}` não é um serviço de {files}: o nginx não inicia (host not found in upstream)",
    ),
    mend=("use one of: {known}", "use um destes: {known}"),
)
def nginx_unknown_upstream(subject: Subject) -> Iterator[Hit]:
    for config, deployment in _used(subject):
        for route in _routes(config):
            if "." in route.host or _is_address(route.host) or deployment.named(route.host):
                continue
            if any(each.named(route.host) for each in subject.deployments):
                continue
            extra = {name for s in deployment.services for name in s.compose.extra_hosts}
            if route.host in extra or any(net.external for net in deployment.project.networks.values()):
                continue
            known = ", ".join(sorted(service.name for service in deployment.services))
            files = ", ".join(path.as_posix() for path in deployment.combination.files)
            yield hit(config.path, route.directive.line, host=route.host, files=files, known=known)


def _is_address(host: str) -> bool:
    return host == "localhost" or host.startswith("[") or bool(re.fullmatch(r"[\d.]+", host))


@rule(
    "nginx-loopback",
    Severity.HIGH,
    title=(
        "nginx looks for a service inside its own container",
        "O nginx procura um serviço no próprio contêiner",
    ),
    why=(
        "`{host}:{port}` inside the nginx container is nginx's container itself: users get 502",
        "`{host}:{port}` dentro do contêiner do nginx é o próprio contêiner: os usuários recebem 502",
    ),
    mend=("write the service's name: one of {known}", "escreva o nome do serviço: um de {known}"),
)
def nginx_loopback(subject: Subject) -> Iterator[Hit]:
    for config, deployment in _used(subject):
        owner = next((s for s in deployment.services if _reads(subject, s, config)), None)
        if owner is None or owner.compose.network_mode == "host" or len(deployment.services) < 2:
            continue
        single = owner.built is not None and owner.kind != "nginx"
        for route in _routes(config):
            if route.host in {"localhost", "127.0.0.1"} and not single:
                known = ", ".join(sorted(s.name for s in deployment.services if s is not owner))
                yield hit(config.path, route.directive.line, host=route.host, port=route.port, known=known)


@rule(
    "nginx-port",
    Severity.HIGH,
    title=(
        "nginx passes requests to a port nobody listens on",
        "O nginx repassa a uma porta onde ninguém escuta",
    ),
    why=(
        "requests for {location} go to {service}:{port}, but it listens on {listens}: users get 502",
        "requisições de {location} vão para {service}:{port}, mas ele escuta em {listens}: os usuários recebem 502",
    ),
    mend=("write {service}:{right}", "escreva {service}:{right}"),
)
def nginx_port(subject: Subject) -> Iterator[Hit]:
    for config, deployment in _used(subject):
        for route in _routes(config):
            service = deployment.named(route.host)
            if service is None or route.port is None or not service.listens.ports:
                continue
            if service.listens.refuses(route.port) and service.kind != "nginx":
                ports = sorted(service.listens.ports)
                yield hit(
                    config.path, route.directive.line, location=route.location, service=service.name,
                    port=route.port, right=ports[0], listens=", ".join(map(str, ports)),
                )  # fmt: skip


@rule(
    "nginx-past-gateway",
    Severity.HIGH,
    title=("A route goes past the gateway", "Uma rota passa por fora do gateway"),
    why=(
        "requests for {location} go straight to {service}: nothing that {gateway} checks (tokens, limits) is checked",
        "requisições de {location} vão direto para {service}: nada do que {gateway} verifica (tokens, limites) vale",
    ),
    mend=(
        "pass them to the gateway: `proxy_pass http://{gateway}:{port};`",
        "repasse ao gateway: `proxy_pass http://{gateway}:{port};`",
    ),
)
def nginx_past_gateway(subject: Subject) -> Iterator[Hit]:
    for config, deployment in _used(subject):
        gateway = next((s for s in deployment.services if s.is_gateway and s.kind != "nginx"), None)
        if gateway is None or _reads(subject, gateway, config):
            continue
        for route in _routes(config):
            service = deployment.named(route.host)
            if service is None or service is gateway or not service.is_module:
                continue
            pages = route.location.strip() in {"/", "= /"} or re.search(
                r"front|web|ui|site|static|client|app$|portal|docs|admin-panel|cdn", service.name
            )
            if not pages:
                yield hit(
                    config.path, route.directive.line, location=route.location, service=service.name,
                    gateway=gateway.name, port=next(iter(sorted(gateway.listens.ports)), 8080),
                )  # fmt: skip


def _proxying(subject: Subject) -> Iterator[tuple[NginxFile, Directive]]:
    """Configurations that pass requests on, with the first directive that does."""
    for config in subject.nginx:
        first = next(config.all("proxy_pass"), None)
        if first is not None and not roles.for_development(config.path):
            yield config, first


@rule(
    "nginx-no-timeouts",
    Severity.LOW,
    title=("nginx waits a minute for what hangs", "O nginx espera um minuto pelo que travou"),
    why=(
        "no proxy_connect_timeout and no proxy_read_timeout: each hanging request holds a connection for 60 s",
        "sem proxy_connect_timeout nem proxy_read_timeout: cada requisição travada ocupa uma conexão por 60 s",
    ),
    mend=(
        "add to `server`: `proxy_connect_timeout 2s; proxy_read_timeout 30s; proxy_send_timeout 30s;`",
        "acrescente em `server`: `proxy_connect_timeout 2s; proxy_read_timeout 30s; proxy_send_timeout 30s;`",
    ),
)
def nginx_no_timeouts(subject: Subject) -> Iterator[Hit]:
    for config, first in _proxying(subject):
        if next(config.all("proxy_connect_timeout", "proxy_read_timeout", "include"), None) is None:
            yield hit(config.path, first.line)


@rule(
    "nginx-no-body-limit",
    Severity.LOW,
    title=(
        "nginx refuses bodies above 1 MB without anybody's decision",
        "O nginx recusa corpos acima de 1 MB",
    ),
    why=(
        "no client_max_body_size: uploads above 1 MB (an NF-e batch, a photo) fail with 413",
        "sem client_max_body_size: envios acima de 1 MB (um lote de NF-e, uma foto) falham com 413",
    ),
    mend=(
        "add to `server`: `client_max_body_size 10m;`",
        "acrescente em `server`: `client_max_body_size 10m;`",
    ),
)
def nginx_no_body_limit(subject: Subject) -> Iterator[Hit]:
    for config, first in _proxying(subject):
        if next(config.all("client_max_body_size", "include"), None) is None:
            yield hit(config.path, first.line)


@rule(
    "nginx-body-unlimited",
    Severity.MEDIUM,
    title=("nginx takes bodies of any size", "O nginx aceita corpos de qualquer tamanho"),
    why=(
        "`client_max_body_size 0` lets one client fill the disk that holds the buffers",
        "`client_max_body_size 0` deixa um cliente encher o disco dos buffers",
    ),
    mend=("set the largest body you need, such as `client_max_body_size 10m;`",
          "defina o maior corpo necessário, como `client_max_body_size 10m;`"),
)  # fmt: skip
def nginx_body_unlimited(subject: Subject) -> Iterator[Hit]:
    for config, _ in _proxying(subject):
        for each in config.all("client_max_body_size"):
            buffered = not any(d.args[:1] == ("off",) for d in config.all("proxy_request_buffering"))
            if each.args[:1] in (("0",), ("0m",), ("0M",)) and buffered:
                yield hit(config.path, each.line)
