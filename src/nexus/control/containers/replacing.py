"""Replacing the instances of a service: one by one, or with a gap where no two of them can run at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control.containers.exchange import Exchange
from nexus.control.containers.gap import measured
from nexus.plans import Action, Step
from nexus.render.containers.networks import STORES, gateway_of
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper

log = logging.getLogger("nexus.control")

PROXY_GRACE = 1.0  # seconds for requests in flight: until they have ended nobody else can listen
STORE_GRACE = 30.0  # what a store has not written yet must not be lost


class Replacing:
    """What the steps of a rolling deployment, of one with a gap, and of a restart do."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        self._keeper = keeper
        self._exchange = Exchange(keeper)

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        return {
            "replace": self.replace,
            "recreate": self.recreate,
            "upgrade": self.upgrade,
            "restart": self.restart,
        }

    async def replace(self, step: Step) -> None:
        """One by one, each new instance first. A service that no gateway stands before has a gap.

        Raises:
            StartError: what comes does not get ready; the old ones are whole again.
        """
        service = self._keeper.released(step.target, step.arguments["release"])
        if self._can_double(service):
            await self._exchange.roll(service)
        else:
            await self._with_gap(service)

    async def recreate(self, step: Step) -> None:
        """Stops the old instances, then starts the new ones; tells how long the service was away.

        Raises:
            StartError: what comes does not get ready; the old ones are back.
        """
        await self._with_gap(self._keeper.released(step.target, step.arguments["release"]))

    async def upgrade(self, step: Step) -> None:
        """Gives infrastructure its new settings or image with the shortest gap; tells how long it was.

        Its ports are this machine's: the new container cannot listen before the old one has ended.

        Raises:
            StartError: the new one does not get ready; the old one is back.
        """
        keeper, name = self._keeper, step.target
        service = keeper.released(name, step.arguments["release"])
        keeper.project(keeper.kept).become(service).write(name)
        try:
            await self._with_gap(service)
        except StartError:
            keeper.project(keeper.kept).write(name)
            raise

    async def restart(self, step: Step) -> None:
        """Replaces a service's containers by ones of the same release.

        Raises:
            StartError: what comes does not get ready; the old ones go on.
        """
        service = self._keeper.service(step.target)
        self._keeper.wanted.add(service.name)
        seen = await self._keeper.glance(self._keeper.kept)
        ready = any(each.unit == service.name and each.state == "ready" for each in seen)
        doubles = self._can_double(service) and service.rollout.strategy != "recreate"
        if self._keeper.runtime == "swarm" or (ready and doubles):
            await self._exchange.roll(service, again=True)
        else:
            await self._exchange.in_place(service, _grace(service), again=True)

    def _can_double(self, service: Service) -> bool:
        return service.kind == "module" and gateway_of(self._keeper.kept.stack) is not None

    async def _with_gap(self, service: Service) -> None:
        port = self._keeper.kept.ports[service.name]
        gap = await measured(port, _question(service), self._exchange.in_place(service, _grace(service)))
        sentence = f"{service.name} did not answer for {gap:.2f} s while it was replaced"
        log.info("%s", sentence)
        self._keeper.tell(
            {
                "event": "gap",
                "service": service.name,
                "seconds": round(gap, 3),
                "sentence": sentence,
                "at": time.time(),
            }
        )


def _grace(service: Service) -> float:
    if service.kind in STORES:
        return STORE_GRACE
    return service.rollout.drain if service.kind == "module" else PROXY_GRACE


def _question(service: Service) -> bytes:
    """What each service answers in some way, without knowing who asks."""
    if service.runtime == "valkey":
        return b"PING\r\n"
    path = service.health.live or service.health.ready or "/"
    return f"GET {path} HTTP/1.0\r\nHost: {service.name}\r\n\r\n".encode()
