"""Several Prisma schemas over one database that contradict each other, or count on what nobody creates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.audit import roles
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.readers.prisma import Model, PrismaSchema
from nexus.audit.registry import rule
from nexus.audit.subject import Subject


def _own(subject: Subject) -> list[PrismaSchema]:
    return [schema for schema in subject.prisma if not roles.for_development(schema.file)]


def _pairs(subject: Subject) -> Iterator[tuple[PrismaSchema, Model, PrismaSchema, Model]]:
    """Models of two schemas that map to one table of one database."""
    schemas = _own(subject)
    for index, one in enumerate(schemas):
        for other in schemas[index + 1 :]:
            if one.provider != other.provider or one.url != other.url:
                continue
            tables = {(_place(one, m), m.table): m for m in one.models}
            for theirs in other.models:
                ours = tables.get((_place(other, theirs), theirs.table))
                if ours is not None:
                    yield one, ours, other, theirs


def _place(schema: PrismaSchema, model: Model) -> str:
    inside = re.search(r"[?&]schema=(\w+)", schema.url)
    return model.schema or (inside.group(1) if inside else "public")


def _apart(subject: Subject, one: PrismaSchema, other: PrismaSchema) -> bool:
    """Tell whether Compose gives the two schemas' services databases of their own."""
    places: list[set[str]] = []
    for schema in (one, other):
        name = re.search(r'env\("(\w+)"\)', schema.url)
        found: set[str] = set()
        for deployment in subject.deployments:
            for service in deployment.services:
                value = service.env(name.group(1)) if name else None
                if (
                    value
                    and service.built
                    and service.built.context in (schema.file.parent, *schema.file.parents)
                ) and (service.built.context.parts or "/" not in schema.file.parent.as_posix()):
                    found.add(_database(value))
        places.append(found)
    unsure = any("localhost" in each or "127.0.0.1" in each for found in places for each in found)
    return bool(places[0]) and bool(places[1]) and not places[0] & places[1] and not unsure


def _database(url: str) -> str:
    """Host, database and schema of a URL: what tells two databases apart."""
    match = re.match(r"[^:]+://(?:[^@/]*@)?([^:/?]+)(?::\d+)?/([^?]*)(?:.*[?&](schema=\w+))?", url)
    return "/".join(part or "" for part in match.groups()) if match else url


@rule(
    "schemas-disagree",
    Severity.HIGH,
    title=("Two Prisma schemas disagree about one table", "Dois esquemas Prisma discordam sobre uma tabela"),
    why=(
        "table {table}: {what}; {other}:{line} says otherwise. Each one's next migration undoes the other's",
        "tabela {table}: {what}; {other}:{line} diz outra coisa. A próxima migração de um desfaz a do outro",
    ),
    mend=(
        "let one schema own {table} and its migrations; give the other's reader the same columns, or ask over HTTP",
        "deixe um só esquema ser dono de {table} e de suas migrações; no outro use as mesmas colunas, ou peça por HTTP",
    ),
)
def schemas_disagree(subject: Subject) -> Iterator[Hit]:
    for one, ours, other, theirs in _pairs(subject):
        difference = _difference(ours, theirs)
        if difference is not None and not _apart(subject, one, other):
            what, line, other_line = difference
            yield hit(theirs.file, other_line, table=theirs.table, what=what, other=ours.file, line=line)


def _difference(ours: Model, theirs: Model) -> tuple[str, int, int] | None:
    mine = {column.name: column for column in ours.columns}
    for column in theirs.columns:
        match = mine.get(column.name)
        if match is None:
            continue
        if (match.type, match.native) != (column.type, column.native) and match.type != column.type:
            return f"{column.name} {match.type} / {column.type}", match.line, column.line
        if match.required != column.required:
            words = ("NULL", "NOT NULL")
            return (
                f"{column.name} {words[match.required]} / {words[column.required]}",
                match.line,
                column.line,
            )
    names = {column.name for column in theirs.columns}
    needed = [c for c in ours.columns if c.name not in names and c.required and not c.has_default]
    if needed:
        return f"{needed[0].name} NOT NULL / -", needed[0].line, theirs.line
    yours = [c for c in theirs.columns if c.name not in mine and c.required and not c.has_default]
    return (f"- / {yours[0].name} NOT NULL", ours.line, yours[0].line) if yours else None


@rule(
    "schemas-share-history",
    Severity.HIGH,
    title=(
        "Two migration histories in one database schema",
        "Dois históricos de migração em um esquema do banco",
    ),
    why=(
        "{one} and {other} both migrate the same database and schema: they share the table _prisma_migrations, and"
        " `migrate deploy` of one meets the unknown migrations of the other",
        "{one} e {other} migram o mesmo banco e esquema: dividem a tabela _prisma_migrations, e o `migrate deploy`"
        " de um encontra as migrações desconhecidas do outro",
    ),
    mend=(
        "give each its own schema: append `?schema=NAME` to its DATABASE_URL",
        "dê a cada um seu esquema: acrescente `?schema=NOME` à sua DATABASE_URL",
    ),
)
def schemas_share_history(subject: Subject) -> Iterator[Hit]:
    with_history = [
        schema
        for schema in _own(subject)
        if any(schema.folder / "migrations" in path.parents for path in subject.files.suffixed(".sql"))
    ]
    for index, one in enumerate(with_history):
        for other in with_history[index + 1 :]:
            same = one.url == other.url and one.provider == other.provider and "env(" in one.url
            used = any(_used_together(subject, one, other))
            if same and used and not _apart(subject, one, other):
                yield hit(other.file, other.provider_line, one=one.file, other=other.file)


def _used_together(subject: Subject, one: PrismaSchema, other: PrismaSchema) -> Iterator[bool]:
    """Two services of one deployment are built from folders that hold the two schemas and get the same address."""
    for deployment in subject.deployments:
        found = []
        for schema in (one, other):
            name = re.search(r'env\("(\w+)"\)', schema.url)
            found.append({
                service.env(name.group(1)) or ""
                for service in deployment.services
                if name and service.built and service.built.context.parts
                and service.built.context in schema.file.parents
            } - {""})  # fmt: skip
        yield bool(found[0] & found[1])


@rule(
    "schema-nobody-creates",
    Severity.MEDIUM,
    title=("A database schema that nobody creates", "Um esquema de banco que ninguém cria"),
    why=(
        "{file} maps to schema {schema}, and no migration or SQL of the project creates it",
        "{file} aponta para o esquema {schema}, e nenhuma migração ou SQL do projeto o cria",
    ),
    mend=(
        'put `CREATE SCHEMA IF NOT EXISTS "{schema}";` at the top of the first migration',
        'coloque `CREATE SCHEMA IF NOT EXISTS "{schema}";` no início da primeira migração',
    ),
)
def schema_nobody_creates(subject: Subject) -> Iterator[Hit]:
    made = _all_sql(subject)
    for schema in _own(subject):
        if _no_migrations(subject, schema):
            continue
        for name in schema.schemas:
            if name != "public" and not re.search(
                rf"create\s+schema\s+(if\s+not\s+exists\s+)?\"?{re.escape(name)}\"?", made, re.I
            ):
                yield hit(schema.file, schema.schemas_line, file=schema.file, schema=name)


def _all_sql(subject: Subject) -> str:
    return " ".join(subject.files.text(path) for path in subject.files.suffixed(".sql", ".sh"))


def _no_migrations(subject: Subject, schema: PrismaSchema) -> bool:
    return not any(schema.folder / "migrations" in path.parents for path in subject.files.suffixed(".sql"))
