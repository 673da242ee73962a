"""How services find each other: addresses in their environment, networks, ports on the host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.service import AuditedService
from nexus.audit.subject import Deployment, Subject
from nexus.composefile import Value

_URL = re.compile(
    r"^(?:jdbc:)?([a-z][a-z0-9+.\-]*)://(?:([^:@/\s]*)(?::([^@/\s]*))?@)?([\w.\-]+)(?::(\d{2,5}))?(?:/([\w\-]+))?"
)
_DEFAULT_PORTS = {
    "postgres": 5432, "postgresql": 5432, "mysql": 3306, "redis": 6379, "mongodb": 27017, "amqp": 5672,
    "http": 80, "https": 443,
}  # fmt: skip
_SERVER_SIDE = {
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "redis",
    "rediss",
    "mongodb",
    "amqp",
    "amqps",
    "nats",
}
_LOOPBACK = {"localhost", "127.0.0.1"}
_FOR_BROWSERS = re.compile(
    r"^(NEXT_PUBLIC_|VITE_|REACT_APP_|NUXT_PUBLIC_|PUBLIC_|EXPO_PUBLIC_)|CORS|ORIGIN|CALLBACK|REDIRECT|PUBLIC|EXTERNAL|FRONTEND"
    r"|BROWSER|DOMAIN|BASE_URL|APP_URL|SITE|ISSUER|NEXTAUTH|WEBHOOK|HOSTNAME|ROOT_URL|CLIENT|ALLOWED"
)


@dataclass(frozen=True)
class Address:
    """A URL in a service's environment."""

    service: AuditedService
    name: str
    value: Value
    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    path: str


def addresses(deployment: Deployment) -> Iterator[Address]:
    """Yield the URLs in the environments of a deployment's services."""
    for service in deployment.services:
        for name, value in service.compose.environment.items():
            match = _URL.match(value.text or "")
            if match is None:
                continue
            scheme, user, password, host, port, path = match.groups()
            base = scheme.split("+")[0]
            number = int(port) if port else _DEFAULT_PORTS.get(base)
            yield Address(
                service,
                name,
                value,
                base,
                unquote(user or ""),
                unquote(password or ""),
                host,
                number,
                path or "",
            )


@rule(
    "address-loopback",
    Severity.HIGH,
    title=("A container looks for its database in itself", "Um contêiner procura o banco em si mesmo"),
    why=(
        "{name} of {service} points at {host}, which inside a container is the container itself",
        "{name} de {service} aponta para {host}, que dentro de um contêiner é o próprio contêiner",
    ),
    mend=("write the service's name: {right}", "escreva o nome do serviço: {right}"),
)
def address_loopback(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        for each in addresses(deployment):
            host_network = (
                each.service.compose.network_mode == "host"
                or each.service.compose.network_mode.startswith(("service:", "container:"))
            )
            if each.host not in _LOOPBACK or host_network or each.scheme not in _SERVER_SIDE:
                continue
            if each.port in each.service.listens.ports and each.service.is_store:
                continue
            right = next(
                (s.name for s in deployment.services if s.is_store and each.scheme[:5] == s.kind[:5]), "..."
            )
            yield hit(
                *each.service.at(each.value.at), name=each.name, service=each.service.name, host=each.host,
                right=f"{each.scheme}://...@{right}:{_DEFAULT_PORTS.get(each.scheme, each.port)}/",
            )  # fmt: skip


@rule(
    "address-port",
    Severity.HIGH,
    title=("An address names a port nobody listens on", "Um endereço indica uma porta onde ninguém escuta"),
    why=(
        "{name} of {service} calls {target} on port {port}, but inside the network it listens on {listens}",
        "{name} de {service} chama {target} na porta {port}, mas dentro da rede ele escuta em {listens}",
    ),
    mend=(
        "use {target}:{right}; a published port counts on the host only",
        "use {target}:{right}; a porta publicada vale só no host",
    ),
)
def address_port(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        for each in addresses(deployment):
            target = deployment.named(each.host)
            if target is None or each.port is None or not target.listens.ports or target is each.service:
                continue
            if target.listens.refuses(each.port):
                ports = sorted(target.listens.ports)
                yield hit(
                    *each.service.at(each.value.at), name=each.name, service=each.service.name, target=target.name,
                    port=each.port, listens=", ".join(map(str, ports)), right=ports[0],
                )  # fmt: skip


@rule(
    "address-password",
    Severity.HIGH,
    title=(
        "The application and the database know different passwords",
        "A aplicação e o banco têm senhas diferentes",
    ),
    why=(
        "{name} of {service} has another password than {target} is created with: the login fails",
        "{name} de {service} tem senha diferente da que {target} recebe ao ser criado: o login falha",
    ),
    mend=(
        "write both from one variable, for example ${{POSTGRES_PASSWORD:?}}",
        "escreva os dois a partir de uma variável, por exemplo ${{POSTGRES_PASSWORD:?}}",
    ),
)
def address_password(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        for each in addresses(deployment):
            target = deployment.named(each.host)
            if (
                target is None
                or target.kind != "postgres"
                or not target.compose.environment.get("POSTGRES_PASSWORD")
            ):
                continue
            admin = target.env("POSTGRES_USER") or "postgres"
            password = target.env("POSTGRES_PASSWORD") or ""
            if each.user == admin and password and each.password and each.password != password:
                yield hit(
                    *each.service.at(each.value.at),
                    name=each.name,
                    service=each.service.name,
                    target=target.name,
                )


@rule(
    "networks-apart",
    Severity.HIGH,
    title=("Two services that talk share no network", "Dois serviços que conversam não têm rede em comum"),
    why=(
        "{service} needs {target} ({how}), but they are on no common network: the name does not resolve",
        "{service} precisa de {target} ({how}), mas não há rede em comum: o nome não resolve",
    ),
    mend=(
        "put both on one network: add `{network}` to `networks:` of {service}",
        "coloque os dois na mesma rede: acrescente `{network}` em `networks:` de {service}",
    ),
)
def networks_apart(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        seen: set[tuple[str, str]] = set()
        for each in addresses(deployment):
            target = deployment.named(each.host)
            if target is None or target is each.service or (each.service.name, target.name) in seen:
                continue
            if (
                _FOR_BROWSERS.search(each.name)
                or each.service.compose.network_mode
                or target.compose.network_mode
            ):
                continue
            theirs, ours = set(target.compose.networks), set(each.service.compose.networks)
            if not theirs & ours:
                seen.add((each.service.name, target.name))
                yield hit(
                    *each.service.at(each.value.at), service=each.service.name, target=target.name, how=each.name,
                    network=next(iter(target.compose.networks), "default"),
                )  # fmt: skip
