"""Where data lies: databases that forget, data inside the repository, backups beside what they protect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit import roles
from nexus.audit.deployments import relative
from nexus.audit.facts.images import parse_image
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.service import AuditedService
from nexus.audit.subject import Subject

_DUMPS_TO = re.compile(r"(?:>|-f|--file[= ]|--out[= ]|-o)\s*[\"']?([^\s\"'|;&$]+)")


@rule(
    "database-without-volume",
    Severity.CRITICAL,
    title=("A database without a volume", "Um banco de dados sem volume"),
    why=(
        "{service}'s data lies in an unnamed volume: `docker compose down` leaves it behind and the next start is empty",
        "os dados de {service} ficam em um volume sem nome: `docker compose down` o abandona e a próxima partida é vazia",
    ),
    mend=(
        "add `volumes: [{service}-data:{folder}]`, and `{service}-data:` under the top-level `volumes:`",
        "acrescente `volumes: [{service}-data:{folder}]`, e `{service}-data:` em `volumes:` no nível superior",
    ),
)
def database_without_volume(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            if (
                service.is_database
                and service.data_folders
                and not service.keeps_data
                and not _wrong_postgres(service)
            ):
                yield hit(service.file, service.line, service=service.name, folder=_right_folder(service))


def _right_folder(service: AuditedService) -> str:
    major = parse_image(service.image).major or 0
    if service.kind == "postgres" and service.image.startswith("postgres") and major >= 18:
        return "/var/lib/postgresql"
    return service.data_folders[0]


def _wrong_postgres(service: AuditedService) -> str:
    """Return the mount that does not hold PGDATA although it seems to, or an empty text."""
    image = parse_image(service.image)
    if service.kind != "postgres" or image.name != "postgres" or not image.official:
        return ""
    data = service.env("PGDATA") or ""
    targets = [m.target.rstrip("/") for m in service.compose.volumes if m.type in {"volume", "bind"}]
    near = [t for t in targets if t.startswith(("/var/lib/postgres", "/var/lib/pgsql", "/data", "/bitnami"))]
    if not data and image.major is not None:
        data = (
            f"/var/lib/postgresql/{image.major}/docker" if image.major >= 18 else "/var/lib/postgresql/data"
        )
    if not data or not near:
        return ""
    holds = any(data == target or data.startswith(target + "/") for target in near)
    declared = "/var/lib/postgresql" if (image.major or 0) >= 18 else "/var/lib/postgresql/data"
    if holds and not (near == ["/var/lib/postgresql"] and declared != near[0] and not service.env("PGDATA")):
        return ""
    return near[0]


@rule(
    "broker-without-volume",
    Severity.MEDIUM,
    title=("A message broker without a volume", "Um broker de mensagens sem volume"),
    why=(
        "{service} keeps its queues in the container: messages that wait are lost when it is replaced",
        "{service} guarda suas filas no contêiner: mensagens em espera se perdem quando ele é trocado",
    ),
    mend=(
        "add `volumes: [{service}-data:{folder}]` and a fixed `hostname: {service}`, by which RabbitMQ names its data",
        "acrescente `volumes: [{service}-data:{folder}]` e um `hostname: {service}` fixo, pelo qual o RabbitMQ nomeia"
        " seus dados",
    ),
)
def broker_without_volume(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            if service.kind == "rabbitmq" and service.data_folders and not service.keeps_data:
                yield hit(service.file, service.line, service=service.name, folder=service.data_folders[0])


@rule(
    "postgres-volume-misplaced",
    Severity.CRITICAL,
    title=(
        "PostgreSQL's volume is not where its data is",
        "O volume do PostgreSQL não está onde ficam os dados",
    ),
    why=(
        "{image} keeps its data in {data}, the volume is at {mounted}: the data is not in it, and is lost or the"
        " start refused when the container is replaced",
        "{image} guarda seus dados em {data}, o volume está em {mounted}: os dados não ficam nele, e se perdem ou"
        " a partida é recusada quando o contêiner é trocado",
    ),
    mend=("mount the volume at {right}", "monte o volume em {right}"),
)
def postgres_volume_misplaced(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        for service in deployment.services:
            mounted = _wrong_postgres(service)
            if not mounted:
                continue
            major = parse_image(service.image).major or 0
            default = f"/var/lib/postgresql/{major}/docker" if major >= 18 else "/var/lib/postgresql/data"
            data = service.env("PGDATA") or default
            mount = next(m for m in service.compose.volumes if m.target.rstrip("/") == mounted)
            right = _right_folder(service) if not service.env("PGDATA") else data
            yield hit(*service.at(mount.at), image=service.image, data=data, mounted=mounted, right=right)


@rule(
    "database-in-repository",
    Severity.MEDIUM,
    title=(
        "A database's files lie in the repository's folder",
        "Os arquivos do banco ficam na pasta do repositório",
    ),
    why=(
        "{service} writes to {path}, inside the checkout: `git clean`, a fresh clone or a COPY takes or loses it",
        "{service} grava em {path}, dentro do checkout: `git clean`, um clone novo ou um COPY leva ou perde os dados",
    ),
    mend=(
        "use a named volume: `volumes: [{service}-data:{target}]`",
        "use um volume nomeado: `volumes: [{service}-data:{target}]`",
    ),
)
def database_in_repository(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            for mount in service.compose.volumes:
                if mount.type != "bind" or not service.is_database or not service.covers(mount.target):
                    continue
                path = relative(Path(mount.source), subject.files.root)
                if path.is_absolute() or path.suffix in {".sql", ".sh", ".conf"} or path == Path("."):
                    continue
                ignored = subject.git.ignores(path, folder=True)
                severity = Severity.LOW if ignored else None
                yield hit(
                    *service.at(mount.at),
                    severity,
                    service=service.name,
                    path=f"{path}/",
                    target=mount.target,
                )


@rule(
    "backup-beside-data",
    Severity.HIGH,
    title=("The backup lies on the volume of the data", "O backup fica no volume dos dados"),
    why=(
        "`{path}` is inside {service}'s own data ({target}): whatever destroys the data destroys the backups",
        "`{path}` fica dentro dos dados de {service} ({target}): o que destruir os dados destrói os backups",
    ),
    mend=(
        "write backups to another volume or the host, and copy them to another machine",
        "grave os backups em outro volume ou no host, e copie-os para outra máquina",
    ),
)
def backup_beside_data(subject: Subject) -> Iterator[Hit]:
    mounts = [
        (service, mount)
        for deployment in subject.deployments
        for service in deployment.services
        for mount in service.compose.volumes
        if service.is_database and mount.type in {"volume", "bind"} and service.covers(mount.target)
    ]
    for ran in subject.commands:
        if not re.search(r"\b(pg_dump|pg_dumpall|mysqldump|mongodump|pg_basebackup)\b", ran.text):
            continue
        for target in _DUMPS_TO.findall(subject.filled(ran)):
            for service, mount in mounts:
                source = relative(Path(mount.source), subject.files.root) if mount.type == "bind" else None
                inside = target.startswith(mount.target.rstrip("/") + "/") or (
                    source is not None and not source.is_absolute() and source.parts
                    and target.removeprefix("./").startswith(source.as_posix() + "/")
                )  # fmt: skip
                if inside:
                    yield hit(ran.file, ran.line, path=target, service=service.name, target=mount.target)
                    break


@rule(
    "volume-without-name",
    Severity.LOW,
    title=("A data volume without a name", "Um volume de dados sem nome"),
    why=(
        "{service}'s {target} is an anonymous volume: `docker compose down` leaves it behind and the next start gets"
        " an empty one",
        "{target} de {service} é um volume anônimo: após `docker compose down` a próxima partida recebe um vazio",
    ),
    mend=("name it: `{service}-data:{target}`", "dê um nome: `{service}-data:{target}`"),
)
def volume_without_name(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service in deployment.services:
            for mount in service.compose.volumes:
                if (
                    mount.type == "volume"
                    and not mount.source
                    and service.is_store
                    and service.covers(mount.target)
                ) and not roles.for_development(service.file):
                    yield hit(*service.at(mount.at), service=service.name, target=mount.target)
