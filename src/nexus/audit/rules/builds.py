"""Builds that fail, or that put into an image what does not belong there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit import roles
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.service import AuditedService
from nexus.audit.subject import Subject


def built_services(subject: Subject) -> Iterator[AuditedService]:
    """Yield the services that are built from a Dockerfile."""
    for deployment in subject.deployments:
        for service in deployment.services:
            if service.built is not None:
                yield service


@rule(
    "build-context-missing",
    Severity.HIGH,
    title=("A build context does not exist", "Um contexto de build não existe"),
    why=(
        "{service} is built from {path}, which does not exist",
        "{service} é construído de {path}, que não existe",
    ),
    mend=("correct `build:`, or add the folder", "corrija `build:`, ou acrescente a pasta"),
)
def build_context_missing(subject: Subject) -> Iterator[Hit]:
    for service in built_services(subject):
        built, build = service.built, service.compose.build
        if built and build and not built.context.is_absolute() and not subject.files.exists(built.context):
            if _ignored(subject, built.context):
                continue
            yield hit(*service.at(build.at), service=service.name, path=f"{built.context}/")


def _ignored(subject: Subject, path: Path) -> bool:
    submodules = subject.files.root / ".gitmodules"
    text = submodules.read_text(encoding="utf-8", errors="replace") if submodules.is_file() else ""
    return subject.git.ignores(path, folder=True) or any(
        each.as_posix() in re.findall(r"path\s*=\s*(\S+)", text) for each in (path, *path.parents)
    )


@rule(
    "dockerfile-missing",
    Severity.HIGH,
    title=("A Dockerfile does not exist", "Um Dockerfile não existe"),
    why=("{service} is built with {path}, which does not exist", "{service} é construído com {path}, que não existe"),
    mend=("correct `dockerfile:` (it counts from the context), or add the file",
          "corrija `dockerfile:` (conta a partir do contexto), ou acrescente o arquivo"),
)  # fmt: skip
def dockerfile_missing(subject: Subject) -> Iterator[Hit]:
    for service in built_services(subject):
        built, build = service.built, service.compose.build
        if (
            built
            and build
            and built.dockerfile is None
            and subject.files.exists(built.context)
            and (
                not built.path.is_absolute()
                and next((subject.files.root / built.context).iterdir(), None) is not None
            )
        ):
            yield hit(*service.at(build.at), service=service.name, path=built.path)


@rule(
    "build-target-missing",
    Severity.HIGH,
    title=("A build target does not exist", "Um estágio de build não existe"),
    why=(
        "{service} is built up to stage {target}, but {path} has: {stages}",
        "{service} é construído até o estágio {target}, mas {path} tem: {stages}",
    ),
    mend=("name one of the stages in `target:`", "indique um dos estágios em `target:`"),
)
def build_target_missing(subject: Subject) -> Iterator[Hit]:
    for service in built_services(subject):
        built, build = service.built, service.compose.build
        if built and build and build.target and built.dockerfile and built.stage is None:
            stages = ", ".join(stage.name for stage in built.dockerfile.stages if stage.name) or "-"
            yield hit(
                *service.at(build.at),
                service=service.name,
                target=build.target,
                path=built.path,
                stages=stages,
            )


@rule(
    "starts-in-development-mode",
    Severity.MEDIUM,
    title=("A container runs a development server", "Um contêiner roda um servidor de desenvolvimento"),
    why=(
        "`{command}` is meant for a developer's machine: slow, one worker, details of errors shown to users",
        "`{command}` é para a máquina do desenvolvedor: lento, um só worker, detalhes de erros expostos aos usuários",
    ),
    mend=("start the production server: {instead}", "inicie o servidor de produção: {instead}"),
)
def starts_in_development_mode(subject: Subject) -> Iterator[Hit]:
    servers = (
        (r"\b(npm|yarn|pnpm)( run)? (dev|start:dev)\b", "`node dist/main.js`"),
        (r"\bnodemon\b|\bts-node-dev\b|\btsx watch\b", "`node dist/main.js`"),
        (r"\bmanage\.py runserver\b", "`gunicorn -b 0.0.0.0:8000 project.wsgi`"),
        (r"\bflask\b.*\brun\b", "`gunicorn -b 0.0.0.0:8000 app:app`"),
        (r"\buvicorn\b.*--reload\b", "`uvicorn app:app --host 0.0.0.0 --workers 2`"),
        (r"\bphp artisan serve\b", "php-fpm + nginx"),
        (r"\brails (s|server)\b.*development", "`rails server -e production`"),
    )
    for deployment in subject.production:
        for service in deployment.services:
            text = " ".join(service.command_words)
            found = next(
                ((m.group(0), good) for pattern, good in servers if (m := re.search(pattern, text))), None
            )
            if found is None:
                continue
            if service.compose.command is not None:
                file, line = service.place("command")
            else:
                last = service.last("CMD") or service.last("ENTRYPOINT")
                if last is None or service.built is None or roles.for_development(service.built.path):
                    continue
                file, line = service.built.path, last[1]
            yield hit(file, line, command=found[0], instead=found[1])
