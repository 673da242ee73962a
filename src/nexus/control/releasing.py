"""What is released of a stack: the stable releases stand in for the sources, and the first ones are made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from nexus.plans import Plan, Step
from nexus.releases import Catalogue, Release
from nexus.releases.artefact import ArtefactError, restored, service_of
from nexus.runtimes.home import Home
from nexus.stack import Service, Stack

log = logging.getLogger("nexus.control")
FIRST = "first releases"
Reader = Callable[[Stack, Release, Home], Service]


@dataclass(frozen=True)
class Released:
    """What the catalogue says of the services of a stack.

    `missing`: those without a release. `differing`: service → what its sources hold and what is stable, where
    those are not the same.
    """

    missing: tuple[str, ...] = ()
    differing: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def notes(self) -> tuple[str, ...]:
        """What the operator should know of sources that do not run."""
        return tuple(
            f"{name}: its sources hold {sources}, stable is {stable}; `nexus deploy {name}` changes over"
            for name, (sources, stable) in self.differing.items()
        )


def released(sources: Stack, stable: Mapping[str, str], names: Iterable[str] | None = None) -> Released:
    """Compares what the sources hold with the stable releases (service → id), of all or these. Pure."""
    services = sources.services if names is None else [sources.service(name) for name in names]
    differing = {}
    for service in services:
        release = stable.get(service.name)
        if release is not None and release.partition("-")[0] != service.digest:
            differing[service.name] = (service.digest, release)
    missing = tuple(service.name for service in services if service.name not in stable)
    return Released(missing, differing)


def standing(sources: Stack, catalogue: Catalogue, at_work: Collection[str]) -> dict[str, str]:
    """Service → its stable release, without first releases that never did their work.

    While the whole has not been up once, a service that is not `at_work` takes what its sources hold: who
    mends what did not start wants nothing else.
    """
    stable = catalogue.stable()
    latest = catalogue.sets(1)
    if not latest or latest[0].cause != FIRST or latest[0].healthy is not None:
        return stable
    mended = released(sources, stable).differing.keys() - set(at_work)
    return {name: release for name, release in stable.items() if name not in mended}


def overlaid(
    sources: Stack,
    stable: Mapping[str, str],
    catalogue: Catalogue,
    home: Home,
    known: Mapping[str, Service] | None = None,
    read: Reader = service_of,
) -> Stack:
    """The stack with each service as its `stable` release has it; those without one are as the sources are.

    `known`: services by name that need not be read again where they are of that release. `read` may be
    `restored`, where a damaged artefact is to be made again.

    Raises:
        ArtefactError: the artefact of a stable release is gone or was changed.
    """

    def one(service: Service) -> Service:
        release = stable.get(service.name)
        if release is None:
            return service
        before = (known or {}).get(service.name)
        if before is not None and before.release == release:
            return before
        return read(sources, catalogue.find(service.name, release), home)

    return replace(sources, services=tuple(map(one, sources.services)))


def or_remembered(before: Mapping[str, Service]) -> Reader:
    """Reads a release as `restored` does; one that nothing holds any more is as an earlier control loop knew
    it (`before`), so that what runs of it, and all the rest, is kept on.
    """

    def read(sources: Stack, release: Release, home: Home) -> Service:
        try:
            return restored(sources, release, home)
        except ArtefactError as error:
            known = before.get(release.service)
            if known is None or known.release != release.id:
                raise
            log.warning("%s is kept as it was: %s", release.service, error)
            return known

    return read


def first_releases(stack: Stack, missing: tuple[str, ...]) -> tuple[Step, ...]:
    """The step that makes the first releases; none where there is none to make. Pure."""
    if not missing:
        return ()
    count = len(missing)
    services, have = ("service", "has") if count == 1 else ("services", "have")
    return (
        Step(
            "release",
            "release",
            stack.name,
            f"{count} {services} {have} no release yet",
            f"keep what runs from now on: {', '.join(missing)}",
            arguments={"services": ",".join(missing)},
        ),
    )


def after_first_releases(plan: Plan, stack: Stack, told: Released) -> Plan:
    """The plan with the first releases made before all else, and what the operator should know. Pure."""
    first = first_releases(stack, told.missing)
    steps = [replace(step, after=(*step.after, *(each.id for each in first))) for step in plan.steps]
    return Plan(plan.title, (*first, *steps), (*plan.notes, *told.notes()))
