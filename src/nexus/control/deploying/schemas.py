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
from nexus.migrations.migration import Migration
from nexus.releases import Release
from nexus.releases.brought import judged, scripts_of
from nexus.releases.facts import MigrationFacts
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service

Key = tuple[str, str]  # a service and the id of a release of it


@dataclass(frozen=True)
class Schemas:
    """As `RolloutFacts` has them. `gone`: releases that have migrations which nothing can apply any more;
    `stuck`: those of which nothing can be applied before an operator says how a failed one stands.
    """

    pending: Mapping[Key, tuple[MigrationFacts, ...]]
    beyond: Mapping[Key, tuple[MigrationFacts, ...]]
    applied: Mapping[str, frozenset[str]]
    gone: Mapping[Key, str]
    stuck: Mapping[Key, str]


async def read_schemas(
    site: Site,
    services: Mapping[Key, Service],
    stable: Mapping[str, Release],
    targets: Mapping[str, Release],
    running: Collection[Key] = (),
) -> Schemas:
    """What the databases tell of these releases. `running`: those whose code is at work, or was until now.

    Raises:
        StartError: a database does not answer, or scripts cannot be read.
    """
    owners = {key: service for key, service in services.items() if source_of(service)}
    found = dict(
        zip(owners, await asyncio.gather(*(_one(site, each) for each in owners.values())), strict=True)
    )
    gone: dict[Key, str] = {}
    stuck: dict[Key, str] = {}
    for key, recorded in found.items():
        is_stable = key[0] in stable and stable[key[0]].id == key[1]
        for problem in recorded.problems:
            passing = is_stable or problem.kind in ("failed", "baseline")
            if recorded.pending or (problem.kind == "edited" and not passing):
                (stuck if passing else gone).setdefault(key, f"{problem.sentence}; {problem.mend}")
    applied: dict[str, frozenset[str]] = {}
    for (name, _), recorded in found.items():
        applied[name] = applied.get(name, frozenset()) | recorded.applied
    served = {*running, *((name, each.id) for name, each in stable.items())}
    pending, beyond = await asyncio.to_thread(_judge, owners, found, served, applied)
    pending |= await asyncio.to_thread(_with_needs, owners, pending, applied, stable, targets)
    return Schemas(pending, beyond, applied, gone, stuck)


async def _one(site: Site, service: Service) -> Recorded:
    found = await provision.recorded(site, service)
    if found is None:
        raise StartError(f"the database of {service.name} does not answer; `nexus up` mends it")
    return found


Judged = dict[Key, tuple[MigrationFacts, ...]]


def _judge(
    owners: Mapping[Key, Service],
    found: Mapping[Key, Recorded],
    served: Collection[Key],
    applied: Mapping[str, frozenset[str]],
) -> tuple[Judged, Judged]:
    """What is pending of each release, and what is applied beyond it."""
    try:
        scripts = {key: scripts_of(each) for key, each in owners.items()}
        pending = {key: _lacking(key, scripts, found[key], served) for key in owners}
        return pending, {key: _beyond(key, scripts, applied[key[0]]) for key in owners}
    except MigrationError as error:
        raise StartError(str(error)) from error


def _lacking(
    key: Key, scripts: Mapping[Key, tuple[Migration, ...]], recorded: Recorded, served: Collection[Key]
) -> tuple[MigrationFacts, ...]:
    """What is pending of a release, judged by what the code that is at work knows, not by how far it was
    applied; of a module with a tool of its own, the run that its folder asks for.
    """
    names = [each.name for each in scripts[key]]
    others = [each for each in served if each in scripts and each[0] == key[0] and each != key]
    known = {each.name for other in others for each in scripts[other]}
    unknown = {name for name in names if others and name not in known} | {*recorded.pending}
    those = judged(scripts[key], unknown)
    runs = (MigrationFacts(name, "expand", tool=True) for name in recorded.pending if name not in names)
    return (*(each for each in those if each.name in recorded.pending), *runs)


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
    key: Key, scripts: Mapping[Key, tuple[Migration, ...]], applied: frozenset[str]
) -> tuple[MigrationFacts, ...]:
    """Applied migrations that a release does not have, as far as another release tells of them; each by what
    it did to code that knows none of them. Where two releases differ about one, it contracts.
    """
    own = {each.name for each in scripts[key]}
    known: dict[str, MigrationFacts] = {}
    for other, those in scripts.items():
        more = {each.name for each in those} - own if other[0] == key[0] else set()
        for each in judged(those, more) if more & applied else ():
            if each.name in applied and (each.name not in known or each.phase == "contract"):
                known[each.name] = each
    return tuple(each for _, each in sorted(known.items()))
