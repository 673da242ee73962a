"""Health checks and start order: checks that never pass, never fail, or are awaited and do not exist."""

from __future__ import annotations

from collections.abc import Iterator

from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.probes import has_own_check, probe_of
from nexus.audit.registry import rule
from nexus.audit.service import AuditedService
from nexus.audit.subject import Deployment, Subject


@rule(
    "health-port",
    Severity.HIGH,
    title=(
        "A health check asks a port nobody listens on",
        "Um health check consulta uma porta onde ninguém escuta",
    ),
    why=(
        "{service} is asked on port {port} but listens on {listens}: it never becomes healthy",
        "{service} é consultado na porta {port}, mas escuta em {listens}: nunca fica saudável",
    ),
    mend=("ask port {right} in the health check", "consulte a porta {right} no health check"),
)
def health_port(subject: Subject) -> Iterator[Hit]:
    for service in _services(subject):
        probe = probe_of(service)
        listens = service.listens
        if probe is None or not listens.ports:
            continue
        for port in probe.ports(service):
            if listens.refuses(port):
                ports = sorted(listens.ports)
                yield hit(
                    probe.file, probe.line, service=service.name, port=port, right=ports[0],
                    listens=", ".join(map(str, ports)),
                )  # fmt: skip
                break


@rule(
    "health-tool",
    Severity.HIGH,
    title=(
        "A health check uses a program the image lacks",
        "Um health check usa um programa que a imagem não tem",
    ),
    why=(
        "{service} is checked with {tool}, which {image} does not contain: it never becomes healthy",
        "{service} é verificado com {tool}, que não existe em {image}: nunca fica saudável",
    ),
    mend=(
        "use what the image has ({instead}), or install {tool} in the final stage of its Dockerfile",
        "use o que a imagem tem ({instead}), ou instale {tool} no estágio final do Dockerfile",
    ),
)
def health_tool(subject: Subject) -> Iterator[Hit]:
    for service in _services(subject):
        probe = probe_of(service)
        for tool in probe.tools() if probe else ():
            if probe and service.has_tool(tool) is False:
                instead = _instead(service, tool)
                yield hit(
                    probe.file,
                    probe.line,
                    service=service.name,
                    tool=tool,
                    image=service.image,
                    instead=instead,
                )
                break


def _instead(service: AuditedService, tool: str) -> str:
    port = next(iter(service.listens.ports), 8080)
    if service.kind == "postgres":
        return "pg_isready"
    if service.kind == "redis":
        return "redis-cli ping"
    if service.kind == "mongo":
        return "mongosh --eval 'db.adminCommand({ping: 1})'"
    if service.kind == "mysql":
        return "healthcheck.sh --connect --innodb_initialized"
    if service.has_tool("node"):
        return f"node -e \"fetch('http://127.0.0.1:{port}/').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))\""
    if service.has_tool("python3") or service.has_tool("python"):
        return f"python -c \"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/')\""
    if service.has_tool("wget"):
        return f"wget -qO- http://127.0.0.1:{port}/"
    if tool != "curl" and service.has_tool("curl"):
        return f"curl -fsS http://127.0.0.1:{port}/"
    return "a probe of the application itself"


@rule(
    "health-cannot-fail",
    Severity.MEDIUM,
    title=("A health check that cannot fail", "Um health check que não pode falhar"),
    why=(
        "{service}'s check ends with a command that always succeeds: it is healthy even when it is dead",
        "o teste de {service} termina com um comando que sempre dá certo: ele fica saudável mesmo morto",
    ),
    mend=("end it with `|| exit 1`", "termine com `|| exit 1`"),
)
def health_cannot_fail(subject: Subject) -> Iterator[Hit]:
    for service in _services(subject):
        probe = probe_of(service)
        if probe is not None and probe.cannot_fail:
            yield hit(probe.file, probe.line, service=service.name)


@rule(
    "healthy-without-check",
    Severity.HIGH,
    title=("Waiting for a health that nobody checks", "Espera por uma saúde que ninguém verifica"),
    why=(
        "{service} waits until {needed} is healthy, but {needed} has no health check: the start fails",
        "{service} espera {needed} ficar saudável, mas {needed} não tem health check: a partida falha",
    ),
    mend=(
        "give {needed} a `healthcheck:` or wait with `condition: service_started`",
        "dê a {needed} um `healthcheck:` ou espere com `condition: service_started`",
    ),
)
def healthy_without_check(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        for service in deployment.services:
            for name, condition in service.compose.depends_on.items():
                needed = deployment.named(name)
                if condition.condition == "service_healthy" and needed and has_own_check(needed) is False:
                    yield hit(*service.at(condition.at), service=service.name, needed=name)


@rule(
    "depends-only-on-start",
    Severity.LOW,
    title=("Started before its database answers", "Iniciado antes de o banco responder"),
    why=(
        "{service} starts as soon as {needed}'s container exists, before it accepts connections",
        "{service} inicia assim que o contêiner de {needed} existe, antes de aceitar conexões",
    ),
    mend=(
        "give {needed} a health check and wait for it: `depends_on: {{{needed}: {{condition: service_healthy}}}}`",
        "dê a {needed} um health check e espere por ele: `depends_on: {{{needed}: {{condition: service_healthy}}}}`",
    ),
)
def depends_only_on_start(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            for name, condition in service.compose.depends_on.items():
                needed = deployment.named(name)
                if (
                    condition.condition == "service_started"
                    and needed
                    and needed.is_database
                    and service.is_module
                    and not service.runs_once
                ):
                    yield hit(*service.at(condition.at), service=service.name, needed=name)


@rule(
    "health-missing",
    Severity.LOW,
    title=("A service without a health check", "Um serviço sem health check"),
    why=(
        "nobody notices when one of these hangs: {services}; a process that runs counts as well",
        "ninguém percebe quando um destes trava: {services}; um processo em execução já conta como bom",
    ),
    mend=(
        "add a `healthcheck:` that asks the application itself, for example"
        " `test: [CMD, wget, -qO-, http://127.0.0.1:PORT/health]`",
        "acrescente um `healthcheck:` que consulte a própria aplicação, por exemplo"
        " `test: [CMD, wget, -qO-, http://127.0.0.1:PORTA/health]`",
    ),
)
def health_missing(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        lacking = [
            s for s in deployment.services if not s.runs_once and s.built and has_own_check(s) is False
        ]
        yield from per_file(lacking)


def per_file(services: list[AuditedService]) -> Iterator[Hit]:
    """One hit for each file, at the first of the services, naming them all."""
    files = dict.fromkeys(service.file for service in services)
    for file in files:
        here = [service for service in services if service.file == file]
        names = ", ".join(service.name for service in here)
        yield hit(file, min(service.line for service in here), services=names, service=here[0].name)


def _services(subject: Subject) -> Iterator[AuditedService]:
    for deployment in subject.deployments:
        yield from _of(deployment)


def _of(deployment: Deployment) -> Iterator[AuditedService]:
    yield from deployment.services
