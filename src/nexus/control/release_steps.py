"""The steps of plans that make the first releases of a stack, and that delete all it keeps."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control.recovering.deleting import delete_recovery
from nexus.control.releasing import FIRST
from nexus.migrations.rehearsing.leftovers import delete_all
from nexus.plans import Action, Step
from nexus.releases import Release
from nexus.releases.artefact import ArtefactError, service_of, snapshot
from nexus.runtimes.protocol import StartError
from nexus.stack import Stack

if TYPE_CHECKING:
    from nexus.control.world import World


class Releasing:
    """The actions of `up`, `restart` and `down` on releases, for one operation of `who`."""

    def __init__(self, world: World, sources: Stack, who: str) -> None:
        self._world = world
        self._sources = sources
        self._who = who

    def actions(self) -> Mapping[str, Action]:
        """Action name → what carries it out: those of the runtime, and these."""
        return {**self._world.keeper.actions(), "release": self.release, "delete": self.delete}

    async def release(self, step: Step) -> None:
        """Makes the first releases of services, and all of them stable at one moment.

        Raises:
            StartError: one cannot be copied; nothing became stable.
        """
        names = step.arguments["services"].split(",")
        try:
            found = await asyncio.gather(*(asyncio.to_thread(self._snapshot, name) for name in names))
            for release in found:
                self._world.catalogue.add(release)
            services = [service_of(self._sources, each, self._world.home) for each in found]
        except ArtefactError as error:
            raise StartError(str(error)) from error
        await self._world.adopt_all(services, FIRST)
        after = {release.service: release.id for release in found}
        self._world.catalogue.begin(
            "first", names, {}, after, "", self._who, FIRST, {}, ended=f"first releases of {', '.join(names)}"
        )

    def _snapshot(self, name: str) -> Release:
        return snapshot(self._sources, self._sources.service(name), self._world.home, self._who)

    async def delete(self, step: Step) -> None:
        """Removes what the runtime keeps of the stack, and all releases."""
        from nexus.control.drilling.room import clear_all  # what runs there is taken down by all of control

        home = self._world.home
        await self._world.streaming.end()  # what it received is sealed before its folder goes
        await self._world.keeper.actions()["delete"](step)
        await asyncio.to_thread(delete_recovery, home, step.arguments.get("backups") != "go")
        for folder in (home.releases, home.parts):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        await asyncio.to_thread(delete_all, home.root / "rehearsals")
        await clear_all(home)
        self._world.catalogue.forget()
