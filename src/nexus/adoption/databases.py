"""Which schema of which database a service owns, and where its migrations are."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.adoption.addresses import DATABASE_SCHEMES, POSTGRES, Address
from nexus.adoption.notes import Findings
from nexus.adoption.roles import Role
from nexus.adoption.survey import Reference, Survey
from nexus.composefile import Place

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,47}")
_SEARCH_PATH = re.compile(r"search_path(?:=|%3D)([a-z0-9_]+)", re.IGNORECASE)


@dataclass(frozen=True)
class OwnSchema:
    """A schema: the service that runs its database, the variable with its URL, its migrations if any."""

    schema: str
    database: str
    variable: str
    migrations: Path | None
    at: Place

    def manifest(self, folder: Path) -> dict[str, object]:
        """Return the manifest's `database`; paths are relative to the brick's folder."""
        if self.migrations is None:
            return {"schema": self.schema}
        path = os.path.relpath(self.migrations, folder)
        return {"schema": self.schema, "migrations": {"format": "prisma", "path": path}}


def databases(survey: Survey, role: Mapping[str, Role], findings: Findings) -> Mapping[str, OwnSchema]:
    """Return the schema of each service that has one. A schema belongs to one service only."""
    found: dict[str, OwnSchema] = {}
    owners: dict[str, str] = {}
    for name in survey.project.services:
        if not role[name].brick or role[name].kind != "module":
            continue
        own = _own(name, survey, role, findings)
        if own is None:
            continue
        if own.schema in owners:
            findings.unknown(
                survey.names[name],
                "uses the schema {schema} of {owner}",
                "give it a schema of its own, or let {owner} alone write there",
                own.at,
                schema=own.schema,
                owner=survey.names[owners[own.schema]],
            )
            continue
        found[name], owners[own.schema] = own, name
    return found


def _own(name: str, survey: Survey, role: Mapping[str, Role], findings: Findings) -> OwnSchema | None:
    reference = _url(name, survey, role)
    if reference is None:
        return None
    if reference.address.scheme not in POSTGRES:
        findings.unknown(
            survey.names[name],
            "keeps its data in {database}, and schemas can be described in PostgreSQL only",
            "its migrations and backups stay your own",
            reference.at,
            database=survey.names[reference.service],
        )
        return None
    if role[reference.service].runtime != "postgres":
        findings.unknown(
            survey.names[name],
            "keeps its data in {database}, which runs from its image; Nexus makes schemas in its own only",
            "its migrations and backups stay your own",
            reference.at,
            database=survey.names[reference.service],
        )
        return None
    if not role[reference.service].on:
        findings.unknown(
            survey.names[name],
            "keeps its data in {database}, which is off",
            "switch {database} on in nexus.yaml, add it to needs.hard, and describe the schema",
            reference.at,
            database=survey.names[reference.service],
        )
        return None
    prisma = survey.prisma.get(name)
    schema, at = _schema(reference.address), reference.at
    if not schema and prisma is not None and prisma.schemas:
        schema, at = prisma.schemas[0], prisma.at
        if len(prisma.schemas) > 1:
            findings.unknown(
                survey.names[name],
                "its models live in several schemas ({schemas}); {schema} is written down",
                "split the others off: a module owns one schema",
                prisma.at,
                schemas=", ".join(prisma.schemas),
                schema=schema,
            )
    if not _IDENTIFIER.fullmatch(schema) or schema == "public":
        findings.unknown(
            survey.names[name],
            "its tables lie in the schema {schema} of the database, which other services may share",
            "move them to a schema of its own (ALTER TABLE ... SET SCHEMA), then add `database`",
            at,
            schema=schema or "public",
        )
        return None
    findings.because(survey.names[name], "database.schema", "the schema is {schema}", at, schema=schema)
    return OwnSchema(
        schema, reference.service, reference.key, _migrations(reference, name, survey, findings), at
    )


def _url(name: str, survey: Survey, role: Mapping[str, Role]) -> Reference | None:
    """Return the reference to a database; the one that the Prisma schema names comes first."""
    found = [
        each
        for each in survey.references[name]
        if role[each.service].kind == "database" and each.address.scheme in DATABASE_SCHEMES
    ]
    prisma = survey.prisma.get(name)
    preferred = prisma.variable if prisma else "DATABASE_URL"
    return next((each for each in found if each.key == preferred), found[0] if found else None)


def _schema(address: Address) -> str:
    parameters = address.parameters
    named = parameters.get("schema") or parameters.get("currentSchema") or ""
    if not named and (match := _SEARCH_PATH.search(address.path)):
        named = match[1]
    return named.partition(",")[0]


def _migrations(reference: Reference, name: str, survey: Survey, findings: Findings) -> Path | None:
    prisma = survey.prisma.get(name)
    if prisma is None:
        findings.unknown(
            survey.names[name],
            "has no migrations in Prisma's format",
            "write folders <timestamp>_<name>/migration.sql and name theirs in database.migrations.path",
            reference.at,
        )
        return None
    if os.path.isdir(prisma.migrations):
        findings.because(survey.names[name], "database.migrations", "Prisma's folder", prisma.at)
    else:
        findings.unknown(
            survey.names[name],
            "its folder of migrations {folder} does not exist yet",
            "write the first one: prisma migrate diff --from-empty --to-schema-datamodel {schema} --script",
            prisma.at,
            folder=survey.shown(prisma.migrations),
            schema=survey.shown(prisma.at.file),
        )
        return None
    return prisma.migrations
