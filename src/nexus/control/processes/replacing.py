"""Replacing the stable release: one by one beside the former instances, or after them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control.processes.instance import Instance
from nexus.control.processes.releasing import ends, grace_of, released
from nexus.control.processes.upgrade import Upgrade
from nexus.plans import Action, Step
from nexus.releases.brought import contracts_between
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper
    from nexus.control.processes.routing import Routing
    from nexus.control.processes.supervisor import Supervisor

log = logging.getLogger("nexus.control")


class Replacing:
    """The actions that exchange the stable release. Each can be carried out again after it was cut short."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        assert keeper.supervisor is not None
        assert keeper.routing is not None
        self._keeper = keeper
        self._supervisor: Supervisor = keeper.supervisor
        self._routing: Routing = keeper.routing

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        return {"replace": self.replace, "recreate": self.recreate, "restart": self.restart}

    async def replace(self, step: Step) -> None:
        """Exchanges the instances by ones of a release, one by one and without a gap.

        Raises:
            StartError: a new one did not start or settle; the former ones are whole again.
        """
        service = released(self._keeper, step)
        present = self._present(service)
        new = sorted(self._of_release(service), key=lambda each: (each.wanted, each.since))
        new = new[-service.scale.min :]
        if self._is_stable(service) and len(new) == service.scale.min and self._all_ready(new):
            self._keeper.leftovers.claim(service.name)
            for instance in new:
                instance.service, instance.wanted = service, True
            leaving = self._retire([instance for instance in present if instance not in new], service)
            await self._keeper.renew_proxies()
            await ends(leaving)
            return
        await self._change(service, new)

    async def restart(self, step: Step) -> None:
        """Exchanges the instances by fresh ones of the stable release."""
        service = released(self._keeper, step)
        self._keeper.wanted.add(service.name)
        if service.runtime == "postgres" and self._keeper.standing.possible:
            await self._keeper.standing.come_home()
        if service.kind != "module":
            self._keeper.tell_gap(service.name, await Upgrade(self._keeper).exchange(service))
            return
        await self._change(service, [])

    async def recreate(self, step: Step) -> None:
        """Stops the instances, then starts those of a release; tells how long nobody served.

        Raises:
            StartError: the release did not start; the former one runs again, unless a contract migration lies
                between them.
        """
        await self._recreate(released(self._keeper, step))

    async def _change(self, service: Service, new: list[Instance]) -> None:
        if self._supervisor.alone(service):
            log.info("%s cannot run twice at once: its instances are stopped first", service.name)
            await self._recreate(service)
        else:
            await self._one_by_one(service, new)

    async def _one_by_one(self, service: Service, new: list[Instance]) -> None:
        assert self._keeper.site is not None
        former, leaving = self._keeper.site.stack.service(service.name), []
        self._keeper.leftovers.claim(service.name)
        old = [instance for instance in self._present(service) if instance not in new]
        for instance in new:
            instance.service, instance.wanted = service, True
        try:
            for number in range(service.scale.min):
                if number >= len(new):
                    new.append(self._supervisor.add(service, held=True))
                await new[number].until_settled(service.rollout.start, service.rollout.settle)
                new[number].held = False
                self._supervisor.changed(new[number])
                await self._routing.reachable(service)
                if old and number + 1 < service.scale.min:
                    leaving.append(self._retire([old.pop(0)], service))
            if not self._is_stable(service):
                await self._keeper.adopt(service)
        except BaseException as error:
            for instance in new:
                instance.wanted = False
            back = self._keeper.leftovers.settle(former)
            if isinstance(error, StartError) and (leaving or self._all_ready(old)):
                await asyncio.wait({back}, timeout=former.rollout.start)
            raise
        self._keeper.wanted.add(service.name)
        leaving.append(self._retire(old, service))
        await self._keeper.renew_proxies()
        await ends(*leaving)

    async def _recreate(self, service: Service) -> None:
        assert self._keeper.site is not None
        former = self._keeper.site.stack.service(service.name)
        self._keeper.leftovers.claim(service.name)
        if not self._is_stable(service) and self._all_ready(self._of_release(service)):
            await self._keeper.adopt(service)  # an earlier attempt came as far as this
            await self._keeper.renew_proxies()
            return
        began = time.monotonic()
        try:
            await self._in_place_of_all(service)
            if not self._is_stable(service):
                await self._keeper.adopt(service)
        except StartError as error:
            if former.release == service.release:
                raise
            crossed = contracts_between(former, service)
            if crossed:
                await ends(self._retire(self._supervisor.of(service.name), service))
                raise StartError(
                    f"{error}; the former release is not started again, for migration {crossed[0].name} is "
                    f"applied, a contract ({crossed[0].why})"
                ) from error
            await self._in_place_of_all(former)
            raise
        self._keeper.wanted.add(service.name)
        await self._keeper.renew_proxies()
        self._keeper.tell_gap(service.name, time.monotonic() - began)

    async def _in_place_of_all(self, service: Service) -> None:
        await ends(self._retire(self._supervisor.of(service.name), service))
        await self._supervisor.start(service, service.rollout.start)
        await self._routing.reachable(service)

    def _retire(
        self, instances: list[Instance] | tuple[Instance, ...], service: Service
    ) -> asyncio.Task[None]:
        return self._supervisor.retire(instances, service.rollout.drain, grace_of(service))

    def _present(self, service: Service) -> list[Instance]:
        return [i for i in self._supervisor.of(service.name, "stable") if not i.leaving]

    def _of_release(self, service: Service) -> list[Instance]:
        return [i for i in self._present(service) if i.release == service.release]

    def _all_ready(self, instances: list[Instance]) -> bool:
        return bool(instances) and all(instance.state == "ready" for instance in instances)

    def _is_stable(self, service: Service) -> bool:
        assert self._keeper.site is not None
        return self._keeper.site.stack.service(service.name).release == service.release
