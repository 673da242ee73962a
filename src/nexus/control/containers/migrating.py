"""Schemas of services in containers: brought up to date before a release, and freed of what only older ones
needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control import provision
from nexus.control.migration_steps import COMMAND_LIMIT, names_of, nothing_older, telling
from nexus.migrations.commands import Carry, Ended
from nexus.plans import Action, Step
from nexus.runtimes.containers.once import Once
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper


class Migrating:
    """The actions on schemas. Each can be carried out again after it was cut short anywhere."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        self._keeper = keeper

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        return {"migrate": self.migrate, "contract": self.contract}

    async def migrate(self, step: Step) -> None:
        """Creates role and schema, applies pending migrations, or those that the step names.

        Raises:
            StartError: one failed, or cannot get its locks.
        """
        service, tell = self._service(step), telling(self._keeper.tell)
        await provision.migrate(self._keeper.kept, service, self._carry(service), names_of(step), tell)

    async def contract(self, step: Step) -> None:
        """Applies what no older release survives.

        Raises:
            StartError: an older release runs; or as above.
        """
        service = self._service(step)
        await self._keeper.glance(self._keeper.kept)
        nothing_older(service, self._keeper.instances().get(service.name, ()))
        await self.migrate(step)

    def _service(self, step: Step) -> Service:
        release = step.arguments.get("release")
        return self._keeper.released(step.target, release) if release else self._keeper.service(step.target)

    def _carry(self, service: Service) -> Carry:
        async def carry(name: str, command: tuple[str, ...]) -> Ended:
            keeper = self._keeper
            project = keeper.project(keeper.kept).become(service)
            number = int(name.rpartition("-")[2][:8], 16)  # of another state of the folder: another task
            once = Once(project, service.name, "migrate", number, command, COMMAND_LIMIT)
            try:
                await keeper.containers(keeper.kept).run_once(once)
            except StartError as error:
                return Ended(1, str(error))
            return Ended(0, "")

        return carry
