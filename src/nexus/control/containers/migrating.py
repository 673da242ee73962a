"""The actions on schemas where services run in containers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nexus.control.facts import InstanceFacts
from nexus.control.migration_steps import COMMAND_LIMIT, SchemaActions
from nexus.migrations.commands import Carry, Ended
from nexus.plans import Step
from nexus.runtimes.containers.once import Once
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper


class Migrating(SchemaActions):
    """What runs a module's own tool is a container beside the others, or a job."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        super().__init__(keeper, keeper.tell)
        self._keeper = keeper

    async def _instances(self, service: Service) -> Iterable[InstanceFacts]:
        await self._keeper.glance(self._keeper.kept)
        return self._keeper.instances().get(service.name, ())

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
