"""A cache that is used as a queue: what it evicts or forgets was a job."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nexus.audit.addresses import Address, addresses
from nexus.audit.facts.libraries import CACHES, QUEUES, libraries
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.service import AuditedService
from nexus.audit.subject import Deployment, Subject

_QUEUE_NAMES = re.compile(r"BROKER|QUEUE|BULL|CELERY|JOBS?_|EVENTS?_|STREAM|OUTBOX", re.IGNORECASE)
_CACHE_NAMES = re.compile(r"CACHE|SESSION|RATE_?LIMIT", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """How a Redis is configured, and where that is written."""

    eviction: str
    append_only: bool
    snapshots: bool
    file: Path
    line: int


def _settings(subject: Subject, service: AuditedService) -> Settings:
    words = " ".join(service.command_words)
    file, line = service.place("command")
    for path in subject.files.paths:
        mounted = any(
            (subject.files.root / path).resolve().as_posix() == m.source for m in service.compose.volumes
        )
        if mounted and path.suffix == ".conf":
            words += " " + " ".join(
                f"--{text.strip()}"
                for text in subject.files.lines(path)
                if text.strip() and not text.startswith("#")
            )
            for number, text in enumerate(subject.files.lines(path), 1):
                if text.strip().startswith("maxmemory-policy"):
                    file, line = path, number
    policy = re.search(r"--maxmemory-policy[ =](\S+)", words)
    save = re.search(r"--save\s+(\"\"|''|--|$)", words + (" " if words.endswith("--save") else ""))
    return Settings(
        policy.group(1) if policy else "noeviction", bool(re.search(r"--appendonly[ =]yes", words)), save is None,
        file, line,
    )  # fmt: skip


def _queue_users(subject: Subject, deployment: Deployment) -> Iterator[tuple[AuditedService, str]]:
    """Redis services that carry jobs, and who says so."""
    stores = [service for service in deployment.services if service.kind == "redis"]
    seen: set[str] = set()
    for each in addresses(deployment):
        store = deployment.named(each.host)
        if store in stores and store and _QUEUE_NAMES.search(each.name) and store.name not in seen:
            seen.add(store.name)
            yield store, f"{each.name} ({each.service.name})"
    if not seen and len(stores) == 1:
        library = next(libraries(subject.files, QUEUES), None)
        if library is not None:
            yield stores[0], f"{library[0]} ({library[1]})"


@rule(
    "queue-evicts",
    Severity.HIGH,
    title=("A queue in a Redis that throws keys away", "Uma fila em um Redis que descarta chaves"),
    why=(
        "{service} evicts keys when its memory is full ({policy}), and {user} keeps jobs in it: jobs vanish",
        "{service} descarta chaves quando a memória enche ({policy}), e {user} guarda tarefas nele: tarefas somem",
    ),
    mend=(
        "use `--maxmemory-policy noeviction` for queues, and a second Redis for the cache",
        "use `--maxmemory-policy noeviction` para filas, e um segundo Redis para o cache",
    ),
)
def queue_evicts(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service, user in _queue_users(subject, deployment):
            settings = _settings(subject, service)
            if settings.eviction.startswith(("allkeys", "volatile")):
                yield hit(
                    settings.file, settings.line, service=service.name, policy=settings.eviction, user=user
                )


@rule(
    "queue-not-durable",
    Severity.MEDIUM,
    title=("A queue that a restart empties", "Uma fila que um reinício esvazia"),
    why=(
        "{service} carries the jobs of {user}, but {what}: jobs of the last minutes are lost in a crash",
        "{service} leva as tarefas de {user}, mas {what}: as tarefas dos últimos minutos se perdem em uma queda",
    ),
    mend=(
        "`command: redis-server --appendonly yes` and `volumes: [{service}-data:/data]`",
        "`command: redis-server --appendonly yes` e `volumes: [{service}-data:/data]`",
    ),
)
def queue_not_durable(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        for service, user in _queue_users(subject, deployment):
            settings = _settings(subject, service)
            if not service.keeps_data:
                yield hit(
                    service.file, service.line, service=service.name, user=user, what="no volume: /data"
                )
            elif not settings.append_only:
                yield hit(service.file, service.line, service=service.name, user=user, what="appendonly no")


def _roles(subject: Subject, address: Address) -> Iterator[tuple[str, str]]:
    """For what a service uses a Redis: by the variable's name, else by the libraries it is built with."""
    who = f"{address.name} ({address.service.name})"
    if _QUEUE_NAMES.search(address.name):
        yield "queue", who
    elif _CACHE_NAMES.search(address.name):
        yield "cache", who
    elif address.service.built is not None and address.service.built.context.parts:
        folder = address.service.built.context
        for role, table in (("queue", QUEUES), ("cache", CACHES)):
            for library, file in libraries(subject.files, table):
                if folder in file.parents:
                    yield role, f"{library} ({address.service.name})"
                    break


@rule(
    "cache-and-queue-together",
    Severity.MEDIUM,
    title=("Cache and queue in one Redis database", "Cache e fila no mesmo banco do Redis"),
    why=(
        "{cache} and {queue} use database {number} of {service}: a FLUSHDB of the cache deletes the jobs, and one"
        " memory policy cannot suit both",
        "{cache} e {queue} usam o banco {number} de {service}: um FLUSHDB do cache apaga as tarefas, e uma só"
        " política de memória não serve a ambos",
    ),
    mend=("run a second Redis for the cache", "use um segundo Redis para o cache"),
)
def cache_and_queue_together(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.production:
        uses: dict[tuple[str, str], dict[str, str]] = {}
        for each in addresses(deployment):
            store = deployment.named(each.host)
            if store is None or store.kind != "redis":
                continue
            number = each.path if each.path.isdigit() else "0"
            here = uses.setdefault((store.name, number), {})
            for role, user in _roles(subject, each):
                if role in here:
                    continue
                here[role] = user
                if {"queue", "cache"} <= set(here):
                    yield hit(
                        *each.service.at(each.value.at), cache=here["cache"], queue=here["queue"], number=number,
                        service=store.name,
                    )  # fmt: skip
