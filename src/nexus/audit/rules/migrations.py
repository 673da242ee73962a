"""Schema changes: migrations that are missing, ignored, unsafe or run by too many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit import roles
from nexus.audit.commands import Ran
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.readers.prisma import PrismaSchema
from nexus.audit.registry import rule
from nexus.audit.subject import Subject

_SERVING = {"script", "start", "build"}


def _migrations(schema: PrismaSchema) -> Path:
    folder = schema.folder.parent if schema.folder.name in {"schema", "models"} else schema.folder
    return folder / "migrations"


def _relational(schema: PrismaSchema) -> bool:
    return schema.provider in {"postgresql", "postgres", "mysql", "sqlserver", "cockroachdb", "sqlite"}


@rule(
    "migrations-ignored",
    Severity.HIGH,
    title=("git ignores the migrations", "O git ignora as migrações"),
    why=(
        "this line keeps {path} out of the repository: no other machine can build or upgrade the database",
        "esta linha deixa {path} fora do repositório: nenhuma outra máquina consegue criar ou atualizar o banco",
    ),
    mend=("delete this line, then `git add {path}`", "apague esta linha, depois `git add {path}`"),
)
def migrations_ignored(subject: Subject) -> Iterator[Hit]:
    folders = {_migrations(schema) for schema in subject.prisma if _relational(schema)}
    folders |= {path.parent / "alembic/versions" for path in subject.files.named("alembic.ini")}
    lines: dict[tuple[Path, int], list[str]] = {}
    for folder in sorted(folders):
        found = subject.git.ignored_by(folder, folder=True) or subject.git.ignored_by(
            folder / "20250101000000_x" / "migration.sql"
        )
        kept = any(name.startswith(f"{folder.as_posix()}/") for name in subject.git.tracked or ())
        if found is not None and not kept:
            lines.setdefault(found, []).append(f"{folder.as_posix()}/")
    for (file, line), paths in lines.items():
        yield hit(file, line, path=" ".join(paths))


@rule(
    "schema-without-migrations",
    Severity.HIGH,
    title=("A Prisma schema without a migration", "Um esquema Prisma sem nenhuma migração"),
    why=(
        "{path} declares {count} tables and there is no migration: production can only be changed by `db push`,"
        " without review and without a way back",
        "{path} declara {count} tabelas e não há migração: produção só muda por `db push`, sem revisão e sem volta",
    ),
    mend=(
        "create the first one: `npx prisma migrate dev --name init --schema {path}`, and commit its folder",
        "crie a primeira: `npx prisma migrate dev --name init --schema {path}`, e faça commit da pasta",
    ),
)
def schema_without_migrations(subject: Subject) -> Iterator[Hit]:
    for schema in subject.prisma:
        if not _relational(schema) or not schema.models or schema.provider == "sqlite":
            continue
        folder = _migrations(schema)
        custom = re.search(r"migrations", _prisma_config(subject))
        if any(folder in path.parents for path in subject.files.suffixed(".sql")) or custom:
            continue
        if roles.for_development(schema.file):
            continue
        yield hit(schema.file, schema.models[0].line, path=schema.file, count=len(schema.models))


def _prisma_config(subject: Subject) -> str:
    return "".join(
        subject.files.text(path) for path in subject.files.named("prisma.config.ts", "prisma.config.js")
    )


@rule(
    "migration-provider",
    Severity.HIGH,
    title=("Migrations for another kind of database", "Migrações para outro tipo de banco"),
    why=(
        "{schema} says {provider}, the migrations were made for {locked}: `prisma migrate deploy` refuses (P3019)",
        "{schema} diz {provider}, as migrações foram feitas para {locked}: `prisma migrate deploy` recusa (P3019)",
    ),
    mend=(
        "set `provider` back to {locked}, or begin a new history: move {folder}/ away and `prisma migrate dev`",
        "volte `provider` para {locked}, ou comece um histórico novo: mova {folder}/ e rode `prisma migrate dev`",
    ),
)
def migration_provider(subject: Subject) -> Iterator[Hit]:
    for schema in subject.prisma:
        folder = _migrations(schema)
        lock = folder / "migration_lock.toml"
        if lock not in subject.files.paths:
            continue
        found = re.search(r'^\s*provider\s*=\s*"(\w+)"', subject.files.text(lock), re.MULTILINE)
        if found and schema.provider and _same(found.group(1)) != _same(schema.provider):
            yield hit(
                schema.file, schema.provider_line, schema=schema.file, provider=schema.provider,
                locked=found.group(1), folder=folder,
            )  # fmt: skip


def _same(provider: str) -> str:
    return {"postgres": "postgresql"}.get(provider, provider)


def _runs(subject: Subject, pattern: str) -> Iterator[Ran]:
    """Commands that reach production: deploy scripts and containers, not a developer's package.json."""
    for ran in subject.commands:
        if ran.origin not in _SERVING or roles.for_development(ran.file) or not re.search(pattern, ran.text):
            continue
        if ran.origin == "script" and re.search(r"seed|setup|init-dev|bootstrap", ran.file.stem):
            continue
        yield ran


@rule(
    "db-push",
    Severity.HIGH,
    title=("`prisma db push` in production", "`prisma db push` em produção"),
    why=(
        "it changes the tables to fit the schema, without history, and may drop columns with their data",
        "ele muda as tabelas conforme o esquema, sem histórico, e pode apagar colunas com seus dados",
    ),
    mend=(
        "use `prisma migrate deploy` with committed migrations",
        "use `prisma migrate deploy` com migrações versionadas",
    ),
)
def db_push(subject: Subject) -> Iterator[Hit]:
    for ran in _runs(subject, r"\bprisma\b.*\bdb push\b"):
        loses = "--accept-data-loss" in ran.text or "--force-reset" in ran.text
        yield hit(ran.file, ran.line, Severity.CRITICAL if loses else None)


@rule(
    "migrate-dev-in-production",
    Severity.HIGH,
    title=(
        "A development migration command in production",
        "Um comando de migração de desenvolvimento em produção",
    ),
    why=(
        "`{command}` may ask questions, make new migrations, or reset the whole database when the history differs",
        "`{command}` pode fazer perguntas, criar migrações, ou zerar o banco inteiro quando o histórico diverge",
    ),
    mend=("use `prisma migrate deploy`", "use `prisma migrate deploy`"),
)
def migrate_dev_in_production(subject: Subject) -> Iterator[Hit]:
    for ran in _runs(subject, r"\bprisma\b.*\bmigrate (dev|reset)\b"):
        reset = "migrate reset" in ran.text
        command = "prisma migrate reset" if reset else "prisma migrate dev"
        yield hit(ran.file, ran.line, Severity.CRITICAL if reset else None, command=command)


@rule(
    "migrations-by-every-replica",
    Severity.MEDIUM,
    title=("Every replica migrates at its start", "Cada réplica migra ao iniciar"),
    why=(
        "{service} runs `{command}` in each of its {count} replicas: they race, and a bad migration stops all of them",
        "{service} roda `{command}` em cada uma de suas {count} réplicas: elas competem, e uma migração ruim para todas",
    ),
    mend=(
        "move it to a service of its own that runs once; let {service} wait:"
        " `depends_on: {{migrate: {{condition: service_completed_successfully}}}}`",
        "mova para um serviço próprio que roda uma vez; faça {service} esperar:"
        " `depends_on: {{migrate: {{condition: service_completed_successfully}}}}`",
    ),
)
def migrations_by_every_replica(subject: Subject) -> Iterator[Hit]:
    pattern = re.compile(
        r"prisma migrate deploy|prisma db push|alembic upgrade|manage\.py migrate|sequelize\S* db:migrate|typeorm migration:run"
        r"|knex migrate:latest|artisan migrate|rails db:migrate|flask db upgrade"
    )
    for deployment in subject.production:
        for service in deployment.services:
            count = service.compose.replicas or 1
            if count < 2:
                continue
            words = " ".join(service.command_words)
            texts = [words, *(_script_text(subject, service.built.context, words) if service.built else ())]
            found = next((m.group(0) for text in texts if (m := pattern.search(text))), None)
            if found:
                yield hit(*service.place("command"), service=service.name, command=found, count=count)


def _script_text(subject: Subject, context: Path, words: str) -> Iterator[str]:
    for name in re.findall(r"([\w.-]+\.sh)\b", words):
        for path in subject.files.scripts:
            if path.name == name and (context == Path(".") or context in path.parents):
                yield subject.files.text(path)


@rule(
    "migration-swallowed",
    Severity.HIGH,
    title=("A migration's failure does not stop the start", "A falha da migração não impede a partida"),
    why=(
        "`{text}` starts the application although the migration failed: new code meets the old schema",
        "`{text}` inicia a aplicação mesmo com a migração falhando: código novo com esquema antigo",
    ),
    mend=("join them with `&&`", "una-os com `&&`"),
)
def migration_swallowed(subject: Subject) -> Iterator[Hit]:
    for ran in _runs(
        subject, r"(prisma migrate deploy|alembic upgrade|manage\.py migrate|db:migrate|artisan migrate)"
    ):
        if ran.origin != "start":
            continue
        for before, after in zip(ran.commands, ran.commands[1:], strict=False):
            if (
                re.search(r"migrat|alembic", before.text)
                and after.operator == ";"
                and after.program not in {"exit", ""}
            ):
                yield hit(ran.file, ran.line, text=f"{before.text[-40:]} ; {after.text[:30]}")
