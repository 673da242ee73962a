"""Backups that cannot be restored, and restores that hurt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.audit import roles
from nexus.audit.coverage import backed_up
from nexus.audit.deployments import UNSET
from nexus.audit.facts.images import DUMPABLE
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.service import AuditedService
from nexus.audit.subject import Deployment, Subject
from nexus.composefile import Mount

_DUMPS = re.compile(r"\b(pg_dump|pg_dumpall|mysqldump|mariadb-dump|mongodump|pg_basebackup)\b")
_AWAY = re.compile(
    r"\b(rclone|restic|borg|rsync|scp|sftp|aws s3|s3cmd|s5cmd|mc (cp|mirror|mv|pipe)|gsutil|gcloud storage|az storage"
    r"|azcopy|b2|kopia|duplicity|curl\b.*(-T|--upload-file|-F)|wal-g|pgbackrest|ssh)\b"
)
_REMOTE = re.compile(
    r"(^|[-_ /])(s3|b2|aws|gcs|azure|swift|rclone|webdav|ssh|sftp|dropbox|remote|minio|restic|borg\w*)(?![a-z])",
    re.IGNORECASE,
)
"""What the image or the variables of a backup daemon are named after when it sends the files away."""

_PIPEFAIL = re.compile(r"set\s+(-\w*\s+)*-\w*o\s+pipefail|set\s+-\w*o\s*pipefail|-o\s+pipefail")


@rule(
    "backup-failure-masked",
    Severity.HIGH,
    title=("A failed dump looks like a good one", "Um dump que falhou parece bom"),
    why=(
        "in `{pipe}` the exit code is the last command's: when {dump} fails, an empty file counts as a backup",
        "em `{pipe}` vale o código de saída do último comando: se {dump} falha, um arquivo vazio conta como backup",
    ),
    mend=(
        "put `set -o pipefail` at the top (bash), or use `pg_dump -Fc -f FILE`, which compresses without a pipe",
        "coloque `set -o pipefail` no início (bash), ou use `pg_dump -Fc -f ARQUIVO`, que comprime sem pipe",
    ),
)
def backup_failure_masked(subject: Subject) -> Iterator[Hit]:
    for ran in subject.commands:
        piped = any(command.operator == "|" for command in ran.commands)
        if not piped or _PIPEFAIL.search(ran.text):
            continue
        if ran.origin == "script" and _PIPEFAIL.search(subject.files.text(ran.file)):
            continue
        for before, after in zip(ran.commands, ran.commands[1:], strict=False):
            found = _DUMPS.search(before.text)
            if (
                found
                and after.operator == "|"
                and re.search(r"gzip|xz|zstd|bzip2|openssl|gpg|aws|rclone|tee|split|cat\b|sed", after.text)
            ):
                yield hit(
                    ran.file, ran.line, pipe=f"{found.group(1)} ... | {after.program}", dump=found.group(1)
                )


@rule(
    "backup-not-verified",
    Severity.MEDIUM,
    title=(
        "A backup counts as good because a file exists",
        "Um backup conta como bom porque o arquivo existe",
    ),
    why=(
        "{script} only looks whether the file is there or not empty; a broken dump passes",
        "{script} só verifica se o arquivo existe ou não está vazio; um dump quebrado passa",
    ),
    mend=(
        "restore it: `createdb check && pg_restore -d check FILE && psql -d check -c 'SELECT count(*) FROM <table>'`",
        "restaure: `createdb check && pg_restore -d check ARQUIVO && psql -d check -c 'SELECT count(*) FROM <tabela>'`",
    ),
)
def backup_not_verified(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.scripts:
        rans = subject.script(path)
        text = "\n".join(ran.text for ran in rans)
        if not _DUMPS.search(text) and not re.search(
            r"(verif|check).*backup|backup.*(verif|check)", path.stem
        ):
            continue
        if re.search(
            r"pg_restore|pg_verifybackup|gzip -t|gunzip -t|restic check|\bpsql\b.*(-f|<)|createdb|md5sum|sha256sum",
            text,
        ):
            continue
        for ran in rans:
            if (
                re.search(r"(\[\[?|\btest)\s+!?\s*-[sfe]\s", ran.text)
                and re.search(r"backup|dump|file|arquivo|bkp|out|target", ran.text, re.IGNORECASE)
                and not re.search(r"\.env|compose|config", ran.text)
            ):
                yield hit(path, ran.line, script=path.name)
                break


@rule(
    "backup-missing",
    Severity.HIGH,
    title=("A database without any backup", "Um banco de dados sem nenhum backup"),
    why=(
        "{service} holds data, and nothing in this project dumps or copies it",
        "{service} guarda dados, e nada neste projeto faz dump ou cópia dele",
    ),
    mend=(
        "back it up each day to another machine, with"
        " `docker compose exec -T {service} {dump}`, and restore one each month",
        "faça backup diário em outra máquina, com"
        " `docker compose exec -T {service} {dump}`, e restaure um por mês",
    ),
)
def backup_missing(subject: Subject) -> Iterator[Hit]:
    covered = backed_up(subject)
    for deployment in subject.production:
        for service in deployment.services:
            if service.kind in DUMPABLE - covered and service.keeps_data and not service.for_development:
                yield hit(service.file, service.line, service=service.name, dump=_dump(service))


def _dump(service: AuditedService) -> str:
    """Return the command that dumps a service's database, with the user and database it declares."""
    if service.kind == "mongo":
        return "mongodump --archive --gzip > DB.archive.gz"
    if service.kind == "mysql":
        database = _declared(service, "MYSQL_DATABASE") or _declared(service, "MARIADB_DATABASE") or "DB"
        return f"mysqldump --single-transaction {database} > {database}.sql"
    user = _declared(service, "POSTGRES_USER")
    database = _declared(service, "POSTGRES_DB") or user or "DB"  # the image names it after the user
    return f"pg_dump -U {user or 'postgres'} -Fc {database} > {database}.dump"


def _declared(service: AuditedService, name: str) -> str:
    """Return a variable's value when it is a plain word that stands in the files; else an empty text."""
    value = service.env(name) or ""
    return value if re.fullmatch(r"[\w-]+", value) and UNSET not in value else ""


@rule(
    "backup-not-scheduled",
    Severity.MEDIUM,
    title=("Nobody starts the backup", "Ninguém inicia o backup"),
    why=(
        "{script} makes a backup, but no crontab, timer, CI schedule or container of this project runs it",
        "{script} faz um backup, mas nenhum crontab, timer, agendamento de CI ou contêiner deste projeto o executa",
    ),
    mend=(
        "keep the schedule in the project, for example /etc/cron.d/backup: `0 3 * * * root {path}`",
        "guarde o agendamento no projeto, por exemplo /etc/cron.d/backup: `0 3 * * * root {path}`",
    ),
)
def backup_not_scheduled(subject: Subject) -> Iterator[Hit]:
    scripts = [p for p in subject.files.scripts if roles.is_backup(p) and not roles.for_development(p)]
    for path in scripts:
        if not any(_DUMPS.search(ran.text) for ran in subject.script(path)):
            continue
        callers = [other for other in subject.schedules if path.name in subject.files.text(other)]
        if not callers:
            yield hit(path, 1, script=path.name, path=f"/srv/app/{path}")


@rule(
    "cron-not-installed",
    Severity.HIGH,
    title=("A crontab that nobody reads", "Um crontab que ninguém lê"),
    why=(
        "the image gets a crontab, but nothing installs or starts a cron daemon in it",
        "a imagem recebe um crontab, mas nada instala ou inicia um daemon cron nela",
    ),
    mend=(
        'install and start one: `RUN apt-get update && apt-get install -y cron` and `CMD ["cron", "-f"]`',
        'instale e inicie um: `RUN apt-get update && apt-get install -y cron` e `CMD ["cron", "-f"]`',
    ),
)
def cron_not_installed(subject: Subject) -> Iterator[Hit]:
    for dockerfile in subject.dockerfiles.values():
        for stage in dockerfile.stages:
            whole = " ".join(i.value for s in dockerfile.lineage(stage) for i in s.instructions)
            if re.search(r"alpine", dockerfile.base(stage)) or re.search(
                r"\b(crond?|supercronic|ofelia)\b(?![./])", whole
            ):
                continue
            for copy in stage.all("COPY", "ADD"):
                if re.search(r"crontab|/etc/cron", copy.value):
                    yield hit(dockerfile.path, copy.line)


@rule(
    "backup-stays-here",
    Severity.MEDIUM,
    title=(
        "Backups stay on the machine they protect from",
        "Os backups ficam na máquina que deveriam proteger",
    ),
    why=(
        "{script} writes to this machine only: when its disk goes, the data and all backups go together",
        "{script} grava só nesta máquina: se o disco se perde, os dados e todos os backups se perdem juntos",
    ),
    mend=(
        "copy each backup away, for example `rclone copy FILE remote:backups` or `restic backup FILE`",
        "copie cada backup para fora, por exemplo `rclone copy ARQUIVO remoto:backups` ou `restic backup ARQUIVO`",
    ),
)
def backup_stays_here(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.scripts:
        if not roles.is_backup(path) or roles.for_development(path):
            continue
        text = "\n".join(ran.text for ran in subject.script(path))
        dump = next((ran for ran in subject.script(path) if _DUMPS.search(ran.text)), None)
        if dump is not None and not _AWAY.search(text):
            yield hit(path, dump.line, script=path.name)
    for deployment in subject.production:
        for service in deployment.services:
            if service.backs_up and not service.for_development:
                yield from _kept_here(subject, deployment, service)


def _kept_here(subject: Subject, deployment: Deployment, service: AuditedService) -> Iterator[Hit]:
    """Yield the mount that a backup daemon writes to, when nothing else takes the files away."""
    told = (service.image, *(name for name, value in service.compose.environment.items() if value.text))
    if _REMOTE.search(" ".join(told)):
        return
    for mount in service.compose.volumes:
        if mount.read_only or not _on_this_disk(deployment, mount):
            continue
        takers = " ".join(
            " ".join((other.image, *other.command_words))
            for other in deployment.services
            if other is not service and any(each.source == mount.source for each in other.compose.volumes)
        )
        folder = mount.source.rstrip("/").rpartition("/")[2]
        named = (ran.text for ran in subject.commands if folder in ran.text)
        if not _AWAY.search(takers) and not any(_AWAY.search(text) for text in named):
            yield hit(*service.at(mount.at), script=service.name)
            return


def _on_this_disk(deployment: Deployment, mount: Mount) -> bool:
    """Tell whether what is written to a mount stays on the host's own disk, as far as the files say."""
    if mount.type == "bind":
        return not mount.source.startswith(("/mnt/", "/media/", "/nfs", "/etc/", "/var/run/", "/run/"))
    volume = deployment.project.volumes.get(mount.source)
    elsewhere = volume is None or volume.external or volume.driver_opts or volume.driver not in {"", "local"}
    return mount.type == "volume" and not elsewhere
