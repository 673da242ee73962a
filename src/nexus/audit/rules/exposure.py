"""What the world, or the host, can reach: published data ports, Docker's socket, privileges."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.audit.deployments import FIRST_UNSET_PORT
from nexus.audit.facts.images import parse_image
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.rules.health import per_file
from nexus.audit.service import AuditedService
from nexus.audit.subject import Deployment, Subject
from nexus.composefile import Port

_MAY_DRIVE_DOCKER = re.compile(r"socket-proxy|watchtower|runner|jenkins|act_runner|drone")


def is_open(port: Port) -> bool:
    """Tell whether a port is published on more than loopback."""
    return not (
        port.host_ip.startswith("127.") or port.host_ip in {"::1", "localhost"} or _is_private(port.host_ip)
    )


def _is_private(address: str) -> bool:
    return bool(
        re.match(
            r"10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.", address
        )
    )


def shown(port: Port) -> str:
    """Return a published port for a sentence."""
    if port.published is not None and port.published >= FIRST_UNSET_PORT:
        return "(from a variable)"
    return str(port.published or port.published_range)


def open_to_the_world(service: AuditedService) -> bool:
    """Tell whether a service publishes any port beyond loopback."""
    return any(is_open(port) and (port.published or port.published_range) for port in service.compose.ports)


def _published(deployment: Deployment) -> Iterator[tuple[AuditedService, Port]]:
    for service in deployment.services:
        for port in service.compose.ports:
            if (port.published or port.published_range) and is_open(port):
                yield service, port


@rule(
    "data-port-published",
    Severity.HIGH,
    title=("A data store is open to the world", "Um armazenamento de dados está aberto ao mundo"),
    why=(
        "{service} ({kind}) is reachable from everywhere on port {port}; Docker's rules go before the host's firewall",
        "{service} ({kind}) é alcançável de qualquer lugar na porta {port}; as regras do Docker passam antes do firewall",
    ),
    mend=(
        'remove the port (services reach it by name), or bind it: "127.0.0.1:{port}:{target}"',
        'remova a porta (os serviços o alcançam pelo nome), ou limite: "127.0.0.1:{port}:{target}"',
    ),
)
def data_port_published(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service, port in _published(deployment):
            if service.is_store:
                severity = Severity.LOW if service.kind == "minio" else None
                yield hit(
                    *service.at(port.at), severity, service=service.name, kind=service.kind,
                    port=shown(port), target=port.target,
                )  # fmt: skip


_NO_PASSWORD = (
    ("POSTGRES_HOST_AUTH_METHOD", "trust"),
    ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
    ("MYSQL_ALLOW_EMPTY_PASSWORD", "true"),
    ("MYSQL_ALLOW_EMPTY_PASSWORD", "1"),
    ("MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "yes"),
    ("MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "1"),
    ("ALLOW_EMPTY_PASSWORD", "yes"),
)


@rule(
    "database-without-password",
    Severity.MEDIUM,
    title=("A database that asks nobody for a password", "Um banco que não pede senha a ninguém"),
    why=(
        "{name}={value}: whoever reaches {service}'s network reads and changes everything",
        "{name}={value}: quem alcançar a rede de {service} lê e altera tudo",
    ),
    mend=(
        "remove {name} and set a password: `POSTGRES_PASSWORD_FILE: /run/secrets/db_password`",
        "remova {name} e defina uma senha: `POSTGRES_PASSWORD_FILE: /run/secrets/db_password`",
    ),
)
def database_without_password(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            for name, open_value in _NO_PASSWORD:
                value = service.compose.environment.get(name)
                if service.is_store and value and (value.text or "").lower() == open_value:
                    severity = Severity.CRITICAL if open_to_the_world(service) else None
                    yield hit(
                        *service.at(value.at), severity, name=name, value=value.text, service=service.name
                    )


@rule(
    "admin-port-published",
    Severity.HIGH,
    title=("An administration page is open to the world", "Uma página de administração está aberta ao mundo"),
    why=(
        "{service} ({image}) on port {port} gives whoever finds it a way to the data",
        "{service} ({image}) na porta {port} dá a quem o encontrar um caminho até os dados",
    ),
    mend=(
        'bind it to loopback, "127.0.0.1:{port}:{target}", and reach it through an SSH tunnel',
        'limite ao loopback, "127.0.0.1:{port}:{target}", e acesse por um túnel SSH',
    ),
)
def admin_port_published(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service, port in _published(deployment):
            if service.facts is not None and service.facts.admin:
                yield hit(
                    *service.at(port.at), service=service.name, image=parse_image(service.image).name,
                    port=shown(port), target=port.target,
                )  # fmt: skip


@rule(
    "module-port-published",
    Severity.MEDIUM,
    title=("A module is reachable past the gateway", "Um módulo é alcançável sem passar pelo gateway"),
    why=(
        "{service} publishes port {port} itself: requests reach it without what {gateway} checks",
        "{service} publica a porta {port}: requisições chegam a ele sem o que {gateway} verifica",
    ),
    mend=(
        'remove `ports:` of {service}, or bind it: "127.0.0.1:{port}:{target}"',
        'remova `ports:` de {service}, ou limite: "127.0.0.1:{port}:{target}"',
    ),
)
def module_port_published(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        gateway = next((s for s in deployment.services if s.is_gateway), None)
        if gateway is None:
            continue
        for service, port in _published(deployment):
            front = re.search(r"front|web|ui|site|nginx|proxy|ingress|edge|auth0|keycloak", service.name)
            if service.is_module and service is not gateway and service.built and not front:
                yield hit(
                    *service.at(port.at), service=service.name, gateway=gateway.name,
                    port=shown(port), target=port.target,
                )  # fmt: skip


@rule(
    "docker-socket-mounted",
    Severity.HIGH,
    title=("A container holds Docker's socket", "Um contêiner tem o socket do Docker"),
    why=(
        "whoever breaks into {service} is root on the host: the socket can start any container",
        "quem invadir {service} é root no host: o socket pode iniciar qualquer contêiner",
    ),
    mend=(
        "put a proxy that allows reading only in between (tecnativa/docker-socket-proxy), or do without",
        "coloque um proxy que só permite leitura no meio (tecnativa/docker-socket-proxy), ou dispense",
    ),
)
def docker_socket_mounted(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            for mount in service.compose.volumes:
                if mount.source.endswith("/docker.sock"):
                    needed = _MAY_DRIVE_DOCKER.search(service.compose.image or service.name)
                    severity = Severity.LOW if needed else None
                    yield hit(*service.at(mount.at), severity, service=service.name)


@rule(
    "privileged",
    Severity.HIGH,
    title=("A container with the host's rights", "Um contêiner com os direitos do host"),
    why=(
        "{what} gives {service} control over the host's kernel",
        "{what} dá a {service} controle sobre o kernel do host",
    ),
    mend=("remove it; grant the one capability that is needed with `cap_add:`",
          "remova; conceda só a capacidade necessária com `cap_add:`"),
)  # fmt: skip
def privileged(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            if service.facts is not None and parse_image(service.image).name in {"cadvisor", "node-exporter"}:
                continue
            if service.compose.privileged:
                yield hit(*service.place("privileged"), service=service.name, what="`privileged: true`")
            for capability in service.compose.cap_add:
                if capability.upper().removeprefix("CAP_") in {"ALL", "SYS_ADMIN", "SYS_MODULE"}:
                    yield hit(
                        *service.place("cap_add"), service=service.name, what=f"`cap_add: {capability}`"
                    )


@rule(
    "one-flat-network",
    Severity.LOW,
    title=("Everything is on one network", "Tudo está em uma só rede"),
    why=(
        "{edge}, which the world reaches, and {store} share a network: who breaks the one is at the other's door",
        "{edge}, que o mundo alcança, e {store} estão na mesma rede: quem invade um está à porta do outro",
    ),
    mend=(
        "declare two networks, `edge` and `data` (`internal: true`), and join each service to what it needs",
        "declare duas redes, `edge` e `data` (`internal: true`), e ligue cada serviço só ao que precisa",
    ),
)
def one_flat_network(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        edges = [s for s in deployment.services if s.kind in {"nginx", "proxy"} and open_to_the_world(s)]
        stores = [s for s in deployment.services if s.is_store]
        for edge in edges[:1]:
            for store in stores:
                if set(edge.compose.networks) & set(store.compose.networks) and len(deployment.services) > 2:
                    yield hit(edge.file, edge.line, edge=edge.name, store=store.name)
                    break


@rule(
    "root-user",
    Severity.LOW,
    title=("Own services run as root", "Serviços próprios rodam como root"),
    why=(
        "root in their containers: {services}; a fault in the application is root at once",
        "root em seus contêineres: {services}; uma falha na aplicação já é root",
    ),
    mend=(
        "add `USER 1000` (or the image's own user, such as `node`) before CMD in the Dockerfile",
        "acrescente `USER 1000` (ou o usuário da imagem, como `node`) antes de CMD no Dockerfile",
    ),
)
def root_user(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        yield from per_file([service for service in deployment.services if _is_root(service)])


def _is_root(service: AuditedService) -> bool:
    if (
        service.built is None
        or service.built.stage is None
        or service.kind in {"nginx", "proxy"}
        or service.is_store
    ):
        return False
    user = service.compose.user
    if user is None:
        found = service.last("USER")
        user = found[0] if found else ""
        if not found and re.search(r"nonroot|unprivileged|chainguard|rootless", service.image):
            return False
        entry = " ".join(service.command_words)
        if not found and re.search(r"gosu|su-exec|setpriv|entrypoint", entry):
            return False  # it may step down by itself
    return user.partition(":")[0] in {"", "0", "root"}
