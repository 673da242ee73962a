"""What releases find in their schemas: which of their migrations are not applied, and what else is."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nexus.control import provision
from nexus.control.inferring import with_needs
from nexus.control.migrating.sources import source_of
from nexus.control.provision import Recorded
from nexus.migrations import MigrationError
from nexus.releases import Release
from nexus.releases.facts import MigrationFacts, brought_by
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service

Key = tuple[str, str]  # a service and the id of a release of it


@dataclass(frozen=True)
class Schemas:
    """As `RolloutFacts` has them. `gone`: releases that have migrations which nothing can apply any more."""

    pending: Mapping[Key, tuple[MigrationFacts, ...]]
    beyond: Mapping[Key, tuple[MigrationFacts, ...]]
    applied: Mapping[str, frozenset[str]]
    gone: Mapping[Key, str]


async def read_schemas(
    site: Site, services: Mapping[Key, Service], stable: Mapping[str, Release], targets: Mapping[str, Release]
) -> Schemas:
    """What the databases tell of these releases.

    Raises:
        StartError: a database does not answer, or its history cannot go on with any release.
    """
    owners = {key: service for key, service in services.items() if source_of(service)}
    found = dict(
        zip(owners, await asyncio.gather(*(_one(site, each) for each in owners.values())), strict=True)
    )
    gone: dict[Key, str] = {}
    for key, recorded in found.items():
        for problem in recorded.problems:
            if problem.kind in ("failed", "baseline") or stable.get(key[0], _NONE).id == key[1]:
                raise StartError(f"{problem.sentence}; {problem.mend}")
            if recorded.pending or problem.kind == "edited":
                gone.setdefault(key, f"{problem.sentence}; {problem.mend}")
    brought = await asyncio.to_thread(
        lambda: {key: _brought(each, found[key].pending) for key, each in owners.items()}
    )
    pending = {key: _lacking(brought[key], each) for key, each in found.items()}
    applied: dict[str, frozenset[str]] = {}
    for (name, _), recorded in found.items():
        applied[name] = applied.get(name, frozenset()) | recorded.applied
    pending |= await asyncio.to_thread(_with_needs, owners, pending, applied, stable, targets)
    return Schemas(pending, _beyond(brought, pending, applied), applied, gone)


_NONE = Release("", "", "", "", "", True, 0.0, "")


async def _one(site: Site, service: Service) -> Recorded:
    found = await provision.recorded(site, service)
    if found is None:
        raise StartError(f"the database of {service.name} does not answer; `nexus up` mends it")
    return found


def _brought(service: Service, pending: Collection[str]) -> tuple[MigrationFacts, ...]:
    try:
        return brought_by(service, pending)
    except MigrationError as error:
        raise StartError(str(error)) from error


def _lacking(brought: tuple[MigrationFacts, ...], recorded: Recorded) -> tuple[MigrationFacts, ...]:
    """Of a module with a tool of its own, the run that its folder asks for."""
    names = {each.name for each in brought}
    runs = tuple(MigrationFacts(name, "expand") for name in recorded.pending if name not in names)
    return (*(each for each in brought if each.name in recorded.pending), *runs)


def _with_needs(
    owners: Mapping[Key, Service],
    pending: Mapping[Key, tuple[MigrationFacts, ...]],
    applied: Mapping[str, frozenset[str]],
    stable: Mapping[str, Release],
    targets: Mapping[str, Release],
) -> dict[Key, tuple[MigrationFacts, ...]]:
    """The targets' pending migrations, and those of what stays beside them, with what they need."""
    chosen = {name: (name, each.id) for name, each in {**stable, **targets}.items()}
    keys = {name: key for name, key in chosen.items() if key in owners}
    told = with_needs(
        {name: owners[key] for name, key in keys.items()},
        {name: pending[key] for name, key in keys.items()},
        applied,
    )
    return {keys[name]: those for name, those in told.items()}


def _beyond(
    brought: Mapping[Key, tuple[MigrationFacts, ...]],
    pending: Mapping[Key, tuple[MigrationFacts, ...]],
    applied: Mapping[str, frozenset[str]],
) -> dict[Key, tuple[MigrationFacts, ...]]:
    """Applied migrations that a release does not have, as far as another release tells of them."""
    known: dict[str, dict[str, MigrationFacts]] = {}
    for (name, _), those in brought.items():
        known.setdefault(name, {}).update({e.name: e for e in those if e.name in applied[name]})
    own = {key: {each.name for each in those} for key, those in brought.items()}
    return {
        key: tuple(each for name, each in sorted(known[key[0]].items()) if name not in own[key])
        for key in pending
    }
