"""Releases and roll-backs: what takes everything down, and what leaves no way back."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.audit import roles
from nexus.audit.commands import Ran, short
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.subject import Subject


@rule(
    "rollback-by-git-reset",
    Severity.MEDIUM,
    title=("Roll-back throws away what is on the server", "O rollback descarta o que está no servidor"),
    why=(
        "`{command}` discards local changes and rebuilds: nobody knows afterwards which release ran before",
        "`{command}` descarta mudanças locais e reconstrói: depois ninguém sabe qual versão rodava antes",
    ),
    mend=(
        "tag each image with its commit, and roll back to a tag: `TAG=<previous> docker compose up -d --no-build`",
        "marque cada imagem com seu commit e volte para uma tag: `TAG=<anterior> docker compose up -d --no-build`",
    ),
)
def rollback_by_git_reset(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.scripts:
        if roles.is_rollback(path) or roles.is_deployment(path):
            for ran in subject.script(path):
                for command in ran.commands:
                    words = command.words
                    if words[:1] == ["git"] and "reset" in words and "--hard" in words:
                        yield hit(path, ran.line, command=short(" ".join(words)))


@rule(
    "rollback-to-latest",
    Severity.HIGH,
    title=("Roll-back to an image named latest", "Rollback para uma imagem chamada latest"),
    why=(
        "`{command}` starts whatever `latest` is now: the release that has to be left",
        "`{command}` inicia o que `latest` for agora: justamente a versão que se quer deixar",
    ),
    mend=(
        "keep the tag of the previous release and start that one",
        "guarde a tag da versão anterior e inicie essa",
    ),
)
def rollback_to_latest(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.scripts:
        if roles.is_rollback(path):
            for ran in subject.script(path):
                if re.search(r"\bdocker\s+(compose\s+)?(pull|run|service update)\b.*:latest\b", ran.text):
                    yield hit(path, ran.line, command=short(ran.text))


@rule(
    "rollback-forgets-database",
    Severity.MEDIUM,
    title=("Roll-back forgets the database", "O rollback esquece o banco de dados"),
    why=(
        "{script} brings back old code, but neither a backup nor a migration: old code meets the new schema",
        "{script} traz de volta o código antigo, mas nem backup nem migração: código antigo com esquema novo",
    ),
    mend=(
        "before each release take a backup and note its name; let {script} undo the migrations or restore that one",
        "antes de cada versão faça um backup e anote o nome; que {script} desfaça as migrações ou restaure esse",
    ),
)
def rollback_forgets_database(subject: Subject) -> Iterator[Hit]:
    if not subject.has_database:
        return
    for path in subject.files.scripts:
        text = "\n".join(ran.text for ran in subject.script(path))
        if roles.is_rollback(path) and re.search(r"docker|git |kubectl|pm2|systemctl", text):
            if re.search(r"pg_restore|psql|mysql|mongorestore|restore|migrat|backup|downgrade|undo", text):
                continue
            yield hit(path, 1, script=path.name)


@rule(
    "way-back-pruned",
    Severity.MEDIUM,
    title=(
        "A deployment deletes the images it would go back to",
        "Um deploy apaga as imagens para as quais se voltaria",
    ),
    why=(
        "`{command}` removes the previous release's image: a roll-back has to build it again, if it still builds",
        "`{command}` remove a imagem da versão anterior: um rollback precisa construí-la de novo, se ainda for possível",
    ),
    mend=(
        "remove only what is old: `docker image prune -f --filter until=720h` (without -a)",
        "remova só o que é antigo: `docker image prune -f --filter until=720h` (sem -a)",
    ),
)
def way_back_pruned(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.scripts:
        if not roles.is_deployment(path) or roles.for_development(path):
            continue
        for ran in subject.script(path):
            for command in ran.commands:
                words = command.words
                prunes = words[:1] == ["docker"] and words[1:3] in (["system", "prune"], ["image", "prune"])
                everything = any(re.fullmatch(r"-[a-z]*a[a-z]*|--all", word) for word in words)
                if prunes and everything and not any("until" in word for word in words):
                    yield hit(path, ran.line, command=" ".join(words))


@rule(
    "deployed-by-taking-down",
    Severity.LOW,
    title=("A deployment takes everything down first", "Um deploy derruba tudo primeiro"),
    why=(
        "`{command}` stops the database and all modules before the new ones are there: each release is an outage",
        "`{command}` para o banco e todos os módulos antes de os novos existirem: cada versão é uma parada",
    ),
    mend=(
        "leave it out: `docker compose up -d --wait` replaces only what changed",
        "dispense-o: `docker compose up -d --wait` troca só o que mudou",
    ),
)
def deployed_by_taking_down(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.scripts:
        if not roles.is_deployment(path) or roles.for_development(path) or roles.for_cleaning(path):
            continue
        down: Ran | None = None
        for ran in subject.script(path):
            for command in ran.commands:
                words = command.words
                if "compose" not in " ".join(words[:2]):
                    continue
                if "down" in words:
                    down = ran
                elif "up" in words and down is not None and down.name == ran.name:
                    yield hit(path, down.line, command=short(down.text))
                    down = None


@rule(
    "migrated-after-start",
    Severity.MEDIUM,
    title=("A release is started before its migrations", "Uma versão inicia antes de suas migrações"),
    why=(
        "`{command}` runs after line {line} has started the new release: until then new code meets the old schema",
        "`{command}` roda depois que a linha {line} iniciou a versão nova: até lá, código novo com esquema antigo",
    ),
    mend=(
        "migrate first: `docker compose run --rm SERVICE ...`, then `docker compose up -d`",
        "migre antes: `docker compose run --rm SERVIÇO ...`, depois `docker compose up -d`",
    ),
)
def migrated_after_start(subject: Subject) -> Iterator[Hit]:
    migrates = re.compile(
        r"prisma migrate deploy|prisma-deploy|alembic upgrade|manage\.py migrate|db:migrate(?!:)|artisan migrate|migrate up"
        r"|flask db upgrade|typeorm migration:run"
    )
    for path in subject.files.scripts:
        if not roles.is_deployment(path) or roles.for_development(path):
            continue
        started: Ran | None = None
        for ran in subject.script(path):
            for command in ran.commands:
                words = command.words
                compose = "compose" in " ".join(words[:2])
                if compose and "up" in words and not _only_stores(words[words.index("up") + 1 :]):
                    started = started or ran
                elif (
                    migrates.search(command.text)
                    and command.program not in {"echo", "printf", "log"}
                    and started
                ):
                    yield hit(path, ran.line, command=short(command.text), line=started.line)
                    started = None


def _only_stores(words: list[str]) -> bool:
    """Tell whether `up` names services, and only databases and the like."""
    named = [word for word in words if not word.startswith("-")]
    return bool(named) and all(
        re.search(r"db|database|postgres|mysql|maria|mongo|redis|cache", w) for w in named
    )
