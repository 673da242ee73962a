"""Reading the facts that changes of releases are planned from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nexus.control.deploying.figures import bad_figures
from nexus.control.deploying.rehearsed import with_rehearsals
from nexus.control.deploying.schemas import Key, read_schemas
from nexus.control.facts import InstanceFacts
from nexus.releases import Release, UnknownRelease
from nexus.releases.artefact import ArtefactError, service_of
from nexus.releases.facts import CandidateFacts, RolloutFacts
from nexus.releases.misfits import read_misfits
from nexus.releases.records import Deployment
from nexus.releases.scoping.history import ways_back
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.world import World


@dataclass(frozen=True)
class Read:
    """What the artefacts of releases say: the services as they have them, and what cannot be read."""

    services: Mapping[Key, Service]
    gone: Mapping[Key, str]


async def observe(
    world: World,
    targets: Iterable[Release] = (),
    unfinished: Deployment | None = None,
    past: bool = False,
    figures: bool = False,
) -> RolloutFacts:
    """What is, of the stack's releases; `targets` are those that a plan may lead to. `past`: those that a
    rollback may lead to are looked at as well. `figures`: telemetry is asked which services answer badly.

    Raises:
        StartError: nothing runs, a database does not answer, or scripts cannot be read.
    """
    if world.site is None:
        raise StartError("nothing runs; start with `nexus up`")
    catalogue = world.catalogue
    targets, stable = tuple(targets), _stable(world)
    earlier = ways_back(_history(world, stable)) if past else ()
    known = _of_interest(world, (*stable.values(), *targets, *earlier), unfinished)
    read = await asyncio.to_thread(_read, world, known)
    living = _counted(world, lambda each: each.alive and bool(each.release))
    running = {(name, id) for name, ids in living.items() for id in ids}
    running |= {*(unfinished.before.items() if unfinished is not None else ())}
    going = {each.service: each for each in targets}
    schemas = await read_schemas(world.site, read.services, stable, going, running)
    others = [each for key, each in known.items() if stable.get(key[0]) != each and key in read.services]
    misfits = await asyncio.to_thread(read_misfits, stable, others)
    facts = RolloutFacts(
        at=time.time(),
        stable=stable,
        releases=_by_service({**{(e.service, e.id): e for e in catalogue.of()}, **known}),
        candidates=_candidates(world),
        ready=_counted(world, lambda each: each.state == "ready"),
        living=living,
        built=await _built(world, world.site, read),
        gone={**schemas.gone, **read.gone},
        pending=schemas.pending,
        beyond=schemas.beyond,
        stuck=schemas.stuck,
        applied=schemas.applied,
        rehearse_within=world.site.stack.migrations.rehearse_within,
        misfits=misfits.pairs,
        unshared=_unshared(world, world.site),
        bad=await bad_figures(world, _history(world, stable)) if figures else {},
        sets=catalogue.sets(100),
        deployments=catalogue.deployments(),
        unfinished=unfinished,
        done=_done(unfinished),
        notes=misfits.notes,
    )
    return await asyncio.to_thread(with_rehearsals, facts, targets, read.services, world.home)


def _stable(world: World) -> dict[str, Release]:
    found = {}
    for name, id in world.catalogue.stable().items():
        if world.site is not None and world.site.stack.has(name):
            found[name] = world.catalogue.find(name, id)
    return found


def _history(world: World, stable: Mapping[str, Release]) -> RolloutFacts:
    """What was, as far as the catalogue alone tells."""
    catalogue = world.catalogue
    releases = _by_service({(each.service, each.id): each for each in catalogue.of()})
    return RolloutFacts(
        time.time(), stable, releases, sets=catalogue.sets(100), deployments=catalogue.deployments()
    )


def _of_interest(world: World, first: Iterable[Release], unfinished: Deployment | None) -> dict[Key, Release]:
    """The releases that a plan may bring together."""
    assert world.site is not None
    found = {(each.service, each.id): each for each in first}
    named = {(name, each.release) for name, each in world.candidates.all().items()}
    if unfinished is not None:
        named |= {*unfinished.before.items(), *unfinished.after.items()}
    for name, id in named - found.keys():
        try:
            found[name, id] = world.catalogue.find(name, id)
        except UnknownRelease:
            continue  # a release of long ago: the planners say so where they need it
    return {key: each for key, each in found.items() if world.site.stack.has(key[0])}


def _read(world: World, known: Mapping[Key, Release]) -> Read:
    assert world.site is not None
    services: dict[Key, Service] = {}
    gone: dict[Key, str] = {}
    for key, release in known.items():
        try:
            services[key] = service_of(world.site.stack, release, world.home)
        except ArtefactError as error:
            gone[key] = str(error)
    return Read(services, gone)


def _candidates(world: World) -> dict[str, CandidateFacts]:
    ready = _counted(world, lambda each: each.state == "ready")
    return {
        name: CandidateFacts(
            world.catalogue.find(name, each.release),
            each.count,
            each.weight,
            ready.get(name, {}).get(each.release, 0),
        )
        for name, each in world.candidates.all().items()
    }


def _counted(world: World, counts: Callable[[InstanceFacts], bool]) -> dict[str, dict[str, int]]:
    """Service → release → how many of its instances count."""
    found: dict[str, dict[str, int]] = {}
    for name, instances in world.keeper.instances().items():
        for each in instances:
            if counts(each):
                counted = found.setdefault(name, {})
                counted[each.release] = counted.get(each.release, 0) + 1
    return found


async def _built(world: World, site: Site, read: Read) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for (name, id), service in read.services.items():
        if not await world.keeper.unbuilt(_with(site, service), [name]):
            found[name] = found.get(name, frozenset()) | {id}
    return found


def _unshared(world: World, site: Site) -> dict[str, str]:
    """Why the requests of services cannot be shared between two releases."""
    if not site.stack.of_kind("gateway"):
        return {service.name: "no gateway stands before it" for service in site.stack.services}
    if site.contained and not site.stack.collects:
        why = "telemetry is off, whose agent tells the gateway how to share"
        return {service.name: why for service in site.stack.services}
    return {}


def _with(site: Site, service: Service) -> Site:
    services = tuple(service if each.name == service.name else each for each in site.stack.services)
    return replace(site, stack=replace(site.stack, services=services))


def _by_service(known: Mapping[Key, Release]) -> dict[str, dict[str, Release]]:
    found: dict[str, dict[str, Release]] = {}
    for (name, id), release in known.items():
        found.setdefault(name, {})[id] = release
    return found


def _done(unfinished: Deployment | None) -> frozenset[str]:
    steps = unfinished.evidence.get("steps", ()) if unfinished is not None else ()
    return frozenset(each["id"] for each in steps if not each["error"] and not each["back"])
