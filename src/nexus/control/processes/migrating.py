"""Schemas on a bare machine: brought up to date before a release, and freed of what only older ones
needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control import provision
from nexus.control.migration_steps import COMMAND_LIMIT, names_of, nothing_older, telling
from nexus.control.processes.releasing import released
from nexus.migrations.commands import Carry, Ended
from nexus.plans import Action, Step
from nexus.runtimes.process.drivers import driver
from nexus.runtimes.process.tasks import run_once
from nexus.runtimes.site import Slot
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper


class Migrating:
    """The actions on schemas. Each can be carried out again after it was cut short anywhere."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        self._keeper = keeper

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        return {"migrate": self.migrate, "contract": self.contract}

    async def migrate(self, step: Step) -> None:
        """Creates role and schema, applies pending migrations, or those that the step names.

        Raises:
            StartError: one failed, or cannot get its locks.
        """
        assert self._keeper.site is not None
        service, tell = released(self._keeper, step), telling(self._keeper.tell)
        await provision.migrate(self._keeper.site, service, self._carry(service), names_of(step), tell)

    async def contract(self, step: Step) -> None:
        """Applies what no older release survives.

        Raises:
            StartError: an older release runs; or as above.
        """
        service = released(self._keeper, step)
        nothing_older(service, self._keeper.instances().get(service.name, ()))
        await self.migrate(step)

    def _carry(self, service: Service) -> Carry:
        async def carry(name: str, command: tuple[str, ...]) -> Ended:
            keeper = self._keeper
            assert keeper.site is not None
            slot = Slot(f"{service.name}-{name}", keeper.site.ports[service.name])
            asked = replace(service, command=command)
            launch = driver(service).prepare(keeper.processes, keeper.site, asked, slot, "")
            own = keeper.home.logs / f"{service.name}.migrate.out"
            task = replace(launch, release=service.release, log=own)
            told = keeper.home.state(service.name) / "migrate.code"
            done = await run_once(keeper.processes, task, told, COMMAND_LIMIT)
            return Ended(done.code, done.output)

        return carry
