"""Which releases a request means; those that are not there yet are made on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control.addresses import Refused
from nexus.control.as_run import as_run
from nexus.control.deploying.requests import Sources
from nexus.control.secrets import newest_version
from nexus.releases import Release
from nexus.releases.artefact import at_revision, snapshot
from nexus.releases.catalogue import UnknownRelease
from nexus.stack import Stack, load_stack

if TYPE_CHECKING:
    from nexus.control.world import World


class Building:
    """Makes releases of the stack's sources."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def meant(self, asked: Sources) -> Mapping[str, Release]:
        """Service → the release that is meant. Only those that were known before are in the catalogue.

        Raises:
            Refused: a service is not part of the stack that runs, or no such release is known.
            ArtefactError: a release cannot be made.
        """
        self._check(asked.services)
        known = {name: self._known(name, asked) for name in asked.services}
        found = {name: release for name, release in known.items() if release is not None}
        lacking = tuple(name for name in asked.services if name not in found)
        made = await self._copied(lacking, asked) if lacking else {}
        return {name: found.get(name) or made[name] for name in asked.services}

    async def made(self, asked: Sources) -> Mapping[str, Release]:
        """Service → the release of what its sources hold; the catalogue knows it from now on."""
        self._check(asked.services)
        made = await self._copied(asked.services, asked)
        return {name: self._world.catalogue.add(release) for name, release in made.items()}

    def _check(self, names: tuple[str, ...]) -> None:
        site = self._world.site
        if site is None:
            raise Refused("nothing runs; start with `nexus up`")
        unknown = [name for name in names if not site.stack.has(name)]
        if unknown:
            known = ", ".join(service.name for service in site.stack.services)
            raise Refused(f"no service {', '.join(unknown)} runs; there are: {known}")

    def _known(self, name: str, asked: Sources) -> Release | None:
        try:
            if asked.release:
                return self._world.catalogue.find(name, asked.release)
            if asked.version and not asked.ref and not asked.image:
                return self._named(name, asked.version)
        except UnknownRelease as error:
            raise Refused(str(error)) from error
        return None

    def _named(self, name: str, version: str) -> Release | None:
        """The newest release that people call so; None where the new one is to be called so."""
        return next((each for each in self._world.catalogue.of(name) if each.version == version), None)

    async def _copied(self, names: tuple[str, ...], asked: Sources) -> dict[str, Release]:
        made = await asyncio.to_thread(self._made, names, asked)
        of = self._world.catalogue.of
        return {name: called(release, of(name), asked.version) for name, release in made.items()}

    def _made(self, names: tuple[str, ...], asked: Sources) -> dict[str, Release]:
        site = self._world.site
        assert site is not None
        if asked.ref:
            with at_revision(site.stack.root, asked.ref) as found:
                stack = as_run(found, self._world.keeper.runtime)
                return {name: self._snapshot(stack, name, asked) for name in names}
        stack = load_stack(site.stack.root)
        if self._world.keeper.complete(stack):
            stack = load_stack(site.stack.root)
        stack = as_run(stack, self._world.keeper.runtime)
        return {name: self._snapshot(stack, name, asked) for name in names}

    def _snapshot(self, stack: Stack, name: str, asked: Sources) -> Release:
        if not stack.has(name):
            raise Refused(f"the sources in {stack.root} have no service {name} any more")
        home = self._world.home
        return snapshot(
            stack,
            stack.service(name),
            home,
            asked.who,
            version=asked.version,
            secrets_version=newest_version(home, name),
            image=asked.image,
        )


def called(made: Release, known: Iterable[Release], name: str) -> Release:
    """The release under the name that its content has already, or under the one an operator gives it. Pure.

    Raises:
        Refused: that name means other content; `known` are all releases of the service.
    """
    if not name:
        names = [each.version for each in known if each.digest == made.digest and each.version]
        return replace(made, version=names[0]) if names else made
    other = next((each for each in known if each.version == name and each.digest != made.digest), None)
    if other is not None:
        raise Refused(
            f"{name} is what people call {other.title}, which holds something else; name it otherwise"
        )
    return made
