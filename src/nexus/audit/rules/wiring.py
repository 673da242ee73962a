"""How services find each other: addresses in their environment, and the networks between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.audit.addresses import DEFAULT_PORTS, SERVER_SIDE, addresses
from nexus.audit.deployments import FIRST_UNSET_PORT
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.subject import Subject

_LOOPBACK = {"localhost", "127.0.0.1"}
_FOR_BROWSERS = re.compile(
    r"^(NEXT_PUBLIC_|VITE_|REACT_APP_|NUXT_PUBLIC_|PUBLIC_|EXPO_PUBLIC_)|CORS|ORIGIN|CALLBACK|REDIRECT|PUBLIC|EXTERNAL|FRONTEND"
    r"|BROWSER|DOMAIN|BASE_URL|APP_URL|SITE|ISSUER|NEXTAUTH|WEBHOOK|HOSTNAME|ROOT_URL|CLIENT|ALLOWED"
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
            service = each.service
            shares = service.compose.network_mode == "host" or service.compose.network_mode.startswith(
                ("service:", "container:")
            )
            literal = re.search(rf"(^|//|@){re.escape(each.host)}\b", each.value.raw)
            chosen = literal is None or each.value.from_env_file
            if each.host not in _LOOPBACK or shares or chosen or each.scheme not in SERVER_SIDE:
                continue
            if service.is_store or service.compose.extra_hosts:
                continue
            stores = [s for s in deployment.services if s.is_store]
            right = next(
                (s.name for s in stores if s.kind[:5] == each.scheme[:5]), stores[0].name if stores else "..."
            )
            if each.is_url:
                right = f"{each.scheme}://...@{right}:{DEFAULT_PORTS.get(each.scheme, each.port)}/"
            yield hit(
                *service.at(each.value.at), name=each.name, service=service.name, host=each.host, right=right
            )


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
            if target.listens.refuses(each.port) and each.port < FIRST_UNSET_PORT:
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
