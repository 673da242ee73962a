"""Another release of infrastructure: other settings, or another program, with the shortest gap there is."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control.processes.configs import render
from nexus.control.processes.gap import measured
from nexus.control.processes.places import free_port
from nexus.control.processes.releasing import grace_of, released
from nexus.plans import Action, Step
from nexus.runtimes.process.drivers import haproxy, nginx, valkey
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.instance import Instance
    from nexus.control.processes.keeper import ProcessKeeper
    from nexus.control.processes.supervisor import Supervisor

log = logging.getLogger("nexus.control")

LIVE_LIMIT = 20.0
EXCHANGED = ("haproxy", "nginx", "valkey")


class Upgrade:
    """The action `upgrade`. HAProxy and Nginx hand their listeners over; Valkey restarts on a short log."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        assert keeper.supervisor is not None
        self._keeper = keeper
        self._supervisor: Supervisor = keeper.supervisor

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        return {"upgrade": self.upgrade}

    async def upgrade(self, step: Step) -> None:
        """Exchanges the running program for the release's; tells how long it did not answer.

        Raises:
            StartError: the release cannot be run; what ran goes on running.
        """
        service = released(self._keeper, step)
        if service.runtime not in EXCHANGED:
            raise StartError(f"{service.name} ({service.runtime}) is not upgraded this way")
        gap = await self.exchange(service)
        await self._keeper.adopt(service)
        await self._supervisor.start(service)
        self._keeper.tell_gap(service.name, gap)

    async def exchange(self, service: Service) -> float:
        """Has `service` take the place of what runs, however that is; returns the gap in seconds.

        Raises:
            StartError: it cannot be run.
        """
        living = [i for i in self._supervisor.of(service.name) if i.running is not None and i.live]
        if not living or service.runtime not in EXCHANGED:
            began = time.monotonic()
            await self._again(service)
            return time.monotonic() - began
        await self._check(service, living[0])
        async with measured(self._supervisor.site, service, living[0].slot.port) as gap:
            await self._exchange(service, living[0])
        return gap.seconds

    async def _check(self, service: Service, instance: Instance) -> None:
        """Lets the new program read its settings before it takes anything over."""
        commands = {"haproxy": haproxy.check, "nginx": nginx.check}
        if service.runtime in commands:
            site = self._supervisor.site
            port = (
                free_port(site, ()) if service.runtime == "nginx" else instance.slot.port
            )  # it tries to bind
            text = render(self._keeper, site, service, port)
            await commands[service.runtime](self._keeper.processes, site, service, text)

    async def _exchange(self, service: Service, instance: Instance) -> None:
        if service.runtime == "haproxy":
            await self._supervisor.reload(service)
        elif service.runtime == "nginx":
            await self._exchange_nginx(service, instance)
        else:
            await valkey.shorten(self._supervisor.site, service, instance.slot.port)
            await self._again(service)

    async def _exchange_nginx(self, service: Service, instance: Instance) -> None:
        old = instance.running
        assert old is not None
        config = self._keeper.config(service, instance.slot.port)
        launch = nginx.succeed(
            self._keeper.processes, self._supervisor.site, service, instance.slot, config, old
        )
        if launch is None:
            log.info("%s: its listener cannot be handed over here; it is started again", service.name)
            await self._again(service)
            return
        await self._supervisor.succession.succeed(instance, launch)

    async def _again(self, service: Service) -> None:
        await self._supervisor.renew(service, 0.0, grace_of(service), LIVE_LIMIT)
