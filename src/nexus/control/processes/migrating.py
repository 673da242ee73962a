"""The actions on schemas on a bare machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control.facts import InstanceFacts
from nexus.control.migration_steps import COMMAND_LIMIT, SchemaActions
from nexus.control.processes.releasing import released
from nexus.migrations.commands import Carry, Ended
from nexus.plans import Step
from nexus.runtimes.process.drivers import driver
from nexus.runtimes.process.tasks import run_once
from nexus.runtimes.site import Slot
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper


class Migrating(SchemaActions):
    """What runs a module's own tool is a process that outlives us."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        super().__init__(keeper, keeper.tell)
        self._keeper = keeper

    async def _instances(self, service: Service) -> Iterable[InstanceFacts]:
        return self._keeper.instances().get(service.name, ())

    def _service(self, step: Step) -> Service:
        return released(self._keeper, step)

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
