"""What a service needs to live long in production: limits, restarts, bounded logs, fixed versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit.deployments import relative
from nexus.audit.facts.images import parse_image
from nexus.audit.facts.tags import floats
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.rules.health import per_file
from nexus.audit.service import AuditedService
from nexus.audit.subject import Subject


def _servers(subject: Subject) -> Iterator[list[AuditedService]]:
    """The long-running services of each deployment, without those that only developers start."""
    for deployment in subject.production:
        yield [each for each in deployment.services if not each.runs_once and not each.for_development]


@rule(
    "memory-unlimited",
    Severity.MEDIUM,
    title=("Services without a memory limit", "Serviços sem limite de memória"),
    why=(
        "a leak in one of {services} takes the whole machine down: the kernel picks the victim, often the database",
        "um vazamento em {services} derruba a máquina inteira: o kernel escolhe a vítima, muitas vezes o banco",
    ),
    mend=(
        'add to each: `deploy: {{resources: {{limits: {{memory: 512M, cpus: "1"}}}}}}`',
        'acrescente a cada um: `deploy: {{resources: {{limits: {{memory: 512M, cpus: "1"}}}}}}`',
    ),
)
def memory_unlimited(subject: Subject) -> Iterator[Hit]:
    for services in _servers(subject):
        yield from per_file([each for each in services if each.compose.limits.memory is None])


@rule(
    "restart-missing",
    Severity.MEDIUM,
    title=("Services that stay down", "Serviços que ficam parados"),
    why=(
        "not started again after a crash or a reboot of the host: {services}",
        "não voltam após uma queda ou um reboot do host: {services}",
    ),
    mend=("add `restart: unless-stopped` to each", "acrescente `restart: unless-stopped` a cada um"),
)
def restart_missing(subject: Subject) -> Iterator[Hit]:
    for services in _servers(subject):
        lacking = [
            s for s in services if s.compose.restart is None and "restart_policy" not in s.compose.deploy
        ]
        swarm = [
            s for s in services if {"update_config", "placement", "restart_policy"} & set(s.compose.deploy)
        ]
        yield from per_file([] if swarm else lacking)


@rule(
    "logs-unbounded",
    Severity.MEDIUM,
    title=("Logs grow until the disk is full", "Os logs crescem até encher o disco"),
    why=(
        "Docker keeps every line of {services} without a limit; a full disk stops the database too",
        "o Docker guarda todas as linhas de {services} sem limite; disco cheio para o banco também",
    ),
    mend=(
        'add to each: `logging: {{driver: local, options: {{max-size: 10m, max-file: "3"}}}}`',
        'acrescente a cada um: `logging: {{driver: local, options: {{max-size: 10m, max-file: "3"}}}}`',
    ),
)
def logs_unbounded(subject: Subject) -> Iterator[Hit]:
    for services in _servers(subject):
        yield from per_file([each for each in services if _unbounded(each)])


def _unbounded(service: AuditedService) -> bool:
    logging = service.compose.logging
    if logging is None or logging.driver in {"", "json-file"}:
        return logging is None or "max-size" not in logging.options
    return False


@rule(
    "writable-root",
    Severity.INFO,
    title=("Root file systems are writable", "Sistemas de arquivos raiz permitem escrita"),
    why=(
        "programs that an intruder can change: {services}",
        "programas que um invasor pode alterar: {services}",
    ),
    mend=("add `read_only: true` and `tmpfs: [/tmp]`", "acrescente `read_only: true` e `tmpfs: [/tmp]`"),
)
def writable_root(subject: Subject) -> Iterator[Hit]:
    for services in _servers(subject):
        yield from per_file([each for each in services if each.built and not each.compose.read_only])


@rule(
    "image-not-pinned",
    Severity.MEDIUM,
    title=("An image without a version", "Uma imagem sem versão"),
    why=(
        "`{image}` is another program after each pull: two machines differ, and there is no way back",
        "`{image}` é outro programa a cada pull: duas máquinas divergem, e não há caminho de volta",
    ),
    mend=("name a version: `{name}:{example}`", "indique uma versão: `{name}:{example}`"),
)
def image_not_pinned(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            image = service.compose.image
            if image is not None and service.built is None and floats(image):
                field = f"services.{service.name}.image"
                chosen = any(
                    each.field == field and re.search("TAG|VERSION|RELEASE|IMAGE", each.name)
                    for each in deployment.project.variables
                )
                severity = Severity.HIGH if service.is_database else None  # a new major refuses the old data
                severity = Severity.LOW if chosen else severity  # the operator may name a version
                yield hit(
                    *service.place("image"),
                    severity,
                    image=image,
                    name=parse_image(image).repository,
                    example=_example(image),
                )
    for dockerfile in subject.dockerfiles.values():
        names = {stage.name.lower() for stage in dockerfile.stages if stage.name}
        for stage in dockerfile.stages:
            own = (
                stage.base.lower() in names or stage.base == "scratch" or "$" in stage.base or not stage.base
            )
            if not own and floats(stage.base):
                name = parse_image(stage.base).repository
                yield hit(
                    dockerfile.path, stage.line, image=stage.base, name=name, example=_example(stage.base)
                )


def _example(reference: str) -> str:
    known = {"postgres": "18", "redis": "8", "nginx": "1.30", "node": "22-bookworm-slim", "mysql": "8.4",
             "python": "3.13-slim-bookworm", "rabbitmq": "4", "mongo": "8"}  # fmt: skip
    return known.get(parse_image(reference).name, "1.2.3")


@rule(
    "source-mounted",
    Severity.MEDIUM,
    title=("The code on the host hides the code in the image", "O código do host esconde o da imagem"),
    why=(
        "{service} mounts {source} over {target}: what runs is the host's folder, not the image that was built",
        "{service} monta {source} sobre {target}: o que roda é a pasta do host, não a imagem construída",
    ),
    mend=(
        "move this mount to docker-compose.override.yml, which only developers have",
        "mova essa montagem para docker-compose.override.yml, que só os desenvolvedores têm",
    ),
)
def source_mounted(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            built = service.built
            workdir = service.last("WORKDIR")
            for mount in service.compose.volumes:
                if built is None or mount.type != "bind" or workdir is None:
                    continue
                source = relative(Path(mount.source), service.root)
                over_code = mount.target.rstrip("/") == workdir[0].rstrip("/") or mount.target.rstrip(
                    "/"
                ) == (workdir[0].rstrip("/") + "/src")
                if over_code and (source == built.context or built.context in source.parents):
                    yield hit(
                        *service.at(mount.at), service=service.name, source=f"{source}/", target=mount.target
                    )


@rule(
    "development-environment",
    Severity.MEDIUM,
    title=("Production runs in development mode", "Produção roda em modo de desenvolvimento"),
    why=(
        "{name}={value} makes {service} slower and shows details of errors to users",
        "{name}={value} deixa {service} mais lento e mostra detalhes de erros aos usuários",
    ),
    mend=("set {name}: {right}", "defina {name}: {right}"),
)
def development_environment(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            for name, right in (("NODE_ENV", "production"), ("FLASK_ENV", "production"), ("APP_ENV", "production"),
                                ("RAILS_ENV", "production"), ("DEBUG", '"0"'), ("APP_DEBUG", '"false"'),
                                ("FLASK_DEBUG", '"0"'), ("DJANGO_DEBUG", '"0"')):  # fmt: skip
                value = service.compose.environment.get(name)
                if value is None or value.from_env_file or "$" in value.raw:
                    continue
                if (value.text or "").lower() in {"development", "dev", "local", "true", "1"}:
                    yield hit(
                        *service.at(value.at), service=service.name, name=name, value=value.text, right=right
                    )
