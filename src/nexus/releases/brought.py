"""What a release's folder brings to a schema: its scripts are read, and each is judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

from nexus.migrations.declared import declared
from nexus.migrations.errors import MigrationError
from nexus.migrations.migration import Format, Migration, Source
from nexus.migrations.phase import Phase, phases_apart, phases_of
from nexus.migrations.reading import read
from nexus.releases.facts import MigrationFacts, contracts
from nexus.stack import Service


def migrations_of(
    folder: Path, format: Format = "prisma", pending: Collection[str] = ()
) -> tuple[MigrationFacts, ...]:
    """The migrations of a release's folder, in order.

    `pending`: names of those that are applied one after the other: what one of them makes, a later one may
    take away, and expands all the same. The others are judged each by itself.

    Raises:
        MigrationError: the folder or one of its scripts cannot be read.
    """
    scripts = read(Source("", "", "", "", folder, format))
    phases = {**phases_apart(scripts), **phases_of(scripts, pending)}
    return tuple(_facts(migration, phases[migration.name]) for migration in scripts)


@lru_cache(maxsize=256)  # the folders of releases never change
def contracts_in(folder: Path, format: Format) -> tuple[str, ...]:
    """The names of the contract migrations in a release's folder; none of one that cannot be read."""
    if format == "command":
        return ()
    try:
        return tuple(each.name for each in migrations_of(folder, format) if each.phase == "contract")
    except MigrationError:
        return ()


def contracts_between(former: Service, new: Service) -> tuple[MigrationFacts, ...]:
    """The contract migrations that `new` brings and `former` does not know.

    Raises:
        MigrationError: the folder of one or one of its scripts cannot be read.
    """
    scripts = scripts_of(new)
    known = {each.name for each in scripts_of(former)}
    return contracts(judged(scripts, {each.name for each in scripts} - known))


def scripts_of(service: Service) -> tuple[Migration, ...]:
    """The scripts of a service as one of its releases has it, in order; none of what a command of its own
    changes.

    Raises:
        MigrationError: the folder cannot be read.
    """
    if service.database is None or service.migrations is None:
        return ()
    return read(Source("", "", "", "", service.migrations, service.database.migrations.format))


def judged(scripts: Sequence[Migration], unknown: Collection[str]) -> tuple[MigrationFacts, ...]:
    """Those of the `unknown` names, in order, each by what it does to code that knows none of them.

    Raises:
        MigrationError: one of these scripts cannot be read.
    """
    phases = phases_of(scripts, unknown)
    return tuple(_facts(each, phases[each.name]) for each in scripts if each.name in phases)


def brought_by(service: Service, pending: Collection[str] = ()) -> tuple[MigrationFacts, ...]:
    """The migrations of a service as one of its releases has it; none of what a command of its own changes.

    `pending`: as for `migrations_of`.

    Raises:
        MigrationError: the folder or one of its scripts cannot be read.
    """
    if service.database is None or service.migrations is None:
        return ()
    told = service.database.migrations
    return () if told.format == "command" else migrations_of(service.migrations, told.format, pending)


def _facts(migration: Migration, phase: Phase) -> MigrationFacts:
    told = declared(migration)
    depends = tuple(str(each) for each in told.depends)
    return MigrationFacts(migration.name, phase.name, phase.sentence, depends, told.after)
