"""Which migrations of a stack's stable releases must not be applied now, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import replace

from nexus.control import provision
from nexus.control.facts import Facts, SchemaFacts
from nexus.control.inferring import with_needs
from nexus.control.secrets import ADMIN_URL
from nexus.migrations import MigrationError
from nexus.releases import Catalogue
from nexus.releases.brought import brought_by
from nexus.releases.facts import MigrationFacts
from nexus.releases.planning.migrating import unmet
from nexus.releases.records import Deployment
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site, needed
from nexus.stack import Service

Pending = Mapping[str, tuple[str, ...] | None]
NOTHING: Mapping[str, str] = {}


async def schemas(
    site: Site, facts: Facts, pending: Pending, failed: Mapping[str, str] = NOTHING
) -> dict[str, SchemaFacts]:
    """What must be known of the schemas of which something is pending, or may be, or failed. `failed`: what,
    and how to mend it, by service.

    Raises:
        StartError: a script cannot be read, or something is to be applied behind what failed.
    """
    fresh = await _fresh(site, facts, pending)
    found = await asyncio.to_thread(_schemas, site, facts, pending, fresh)
    return with_failed(found, failed)


def with_failed(schemas: Mapping[str, SchemaFacts], failed: Mapping[str, str]) -> dict[str, SchemaFacts]:
    """What failed is told, unless something is to be applied behind it. Pure.

    Raises:
        StartError: something is; the message says what failed, and how to mend it.
    """
    found = dict(schemas)
    for name, why in failed.items():
        schema = found.get(name, SchemaFacts())
        if any(each.name not in schema.held for each in schema.pending):
            raise StartError(why)
        found[name] = replace(schema, failed=why)
    return found


async def _fresh(site: Site, facts: Facts, pending: Pending) -> dict[str, bool]:
    """The services on whose schemas no release has run, so that nothing there is taken away from anybody; and
    whether none has run on their whole server.
    """
    found = {}
    for service in site.stack.services:
        names = pending.get(service.name, ())
        server = needed(site.stack, service, "postgres") if names != () else None
        if server is None:
            continue
        if names is None and not site.secret(server, ADMIN_URL).exists():
            found[service.name] = True
        elif facts.ready(server.name):
            recorded = await provision.recorded(site, service)
            if recorded is not None and not recorded.applied and not recorded.problems:
                found[service.name] = False
    return found


def held(
    service: Service,
    pending: Iterable[MigrationFacts],
    older: Iterable[str],
    unfinished: str,
    versions: Mapping[str, Iterable[str]],
) -> dict[str, str]:
    """The migrations that must wait by themselves, and why: those that contract, and those that declare so.
    Pure.

    `older`: other releases of the service that still run. `unfinished`: why its last deployment, whose last
    step applies them, did not come to that ("" = it did). `versions`: service → all that run.
    """
    why = f"release {', '.join(sorted(older))} of {service.name} still runs" if older else ""
    why = unfinished or why
    told = {
        each.name: (why if each.phase == "contract" else "") or unmet(each.after, versions)
        for each in pending
    }
    return {name: reason for name, reason in told.items() if reason}


def with_followers(schemas: Mapping[str, SchemaFacts]) -> dict[str, SchemaFacts]:
    """What waits holds all of its module behind it, and what depends on it in others. Pure."""
    held = {name: dict(schema.held) for name, schema in schemas.items()}
    grows = True
    while grows:
        grows = False
        waiting = {f"{name}/{migration}" for name, those in held.items() for migration in those}
        for name, schema in schemas.items():
            own: list[str] = []
            for each in schema.pending:
                needed = [*own, *(need for need in each.depends if need in waiting)]
                if needed and each.name not in held[name]:
                    held[name][each.name] = f"it comes after {needed[0]}, which waits"
                    grows = True
                if each.name in held[name]:
                    own.append(f"{name}/{each.name}")
    return {name: replace(schema, held=held[name]) for name, schema in schemas.items()}


def _schemas(site: Site, facts: Facts, pending: Pending, fresh: Mapping[str, bool]) -> dict[str, SchemaFacts]:
    waiting = {name: names for name, names in pending.items() if names != () and site.stack.has(name)}
    versions, unfinished = _known(site, facts) if waiting else ({}, {})
    services = {name: site.stack.service(name) for name in waiting}
    brought = {name: _brought(service, waiting[name] or ()) for name, service in services.items()}
    lacking = {
        name: [each for each in brought[name] if names is None or each.name in names]
        for name, names in waiting.items()
    }
    applied = {
        name: [each.name for each in brought[name] if names is not None and each.name not in names]
        for name, names in waiting.items()
    }
    return with_followers(
        {
            name: _first(services[name], those, versions, whole=fresh[name])
            if name in fresh
            else _told(services[name], facts, those, unfinished.get(name, ""), versions)
            for name, those in with_needs(services, lacking, applied).items()
        }
    )


def _first(
    service: Service, pending: tuple[MigrationFacts, ...], versions: Mapping[str, Iterable[str]], whole: bool
) -> SchemaFacts:
    """What is held of a schema on which no release has run: what expands may need what others bring."""
    expand = [each for each in pending if each.phase == "expand" and not whole]
    return SchemaFacts(pending, held(service, expand, (), "", versions))


def _told(
    service: Service,
    facts: Facts,
    pending: tuple[MigrationFacts, ...],
    unfinished: str,
    versions: Mapping[str, Iterable[str]],
) -> SchemaFacts:
    there = {each.release for each in facts.of(service.name) if each.side == "stable"}
    return SchemaFacts(pending, held(service, pending, there - {service.release, ""}, unfinished, versions))


def _standing(last: Deployment, rehearsed: bool) -> str:
    if last.ended_at is None:
        return f"deployment {last.id} is not finished"
    if last.state in ("held", "interrupted"):
        return f"deployment {last.id} was {last.state}"
    return "this stack asks for a rehearsal of it" if rehearsed and last.kind != "first" else ""


def _brought(service: Service, pending: Collection[str]) -> tuple[MigrationFacts, ...]:
    try:
        return brought_by(service, pending)
    except MigrationError as error:
        raise StartError(str(error)) from error


def _known(site: Site, facts: Facts) -> tuple[dict[str, set[str]], dict[str, str]]:
    """Service → the versions that run or will; and service → why its last deployment is not at its end."""
    versions = {service.name: {service.version} for service in site.stack.services}
    if not site.home.database.exists():
        return versions, {}
    with closing(Catalogue(site.home.database)) as catalogue:
        known = {(each.service, each.id): each.version for each in catalogue.of()}
        latest = {name: each for each in catalogue.deployments(n=200)[::-1] for name in each.services}
    rehearsed = site.stack.migrations.rehearse_within is not None
    unfinished = {name: _standing(each, rehearsed) for name, each in latest.items()}
    for name, those in versions.items():
        stable = site.stack.service(name).release
        there = {each.release for each in facts.of(name) if each.release} - {stable}
        those |= {known.get((name, release), "") for release in there}
    return versions, unfinished
