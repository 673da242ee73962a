"""What a killed control loop has left of a change: neither of the stable release nor of a candidate."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nexus.control.containers.letting_in import LettingIn
from nexus.render.containers.networks import gateway_of
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.protocol import StartError

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper

log = logging.getLogger("nexus.control")

STRAY_AFTER = 10  # looks: whoever takes up an interrupted change comes first
SOON = 3  # looks, while a plan is carried out and has no step at work on the service
REST = 30  # looks after an attempt that failed


class Leftovers:
    """Ends them when they have been there for a while and nobody works on their service."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        self._keeper = keeper
        self._looks: dict[str, int] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}

    def look(self, seen: tuple[Container, ...]) -> None:
        """Counts who is left over once more; begins to end who has been for long enough."""
        keeper = self._keeper
        strays = {each.service for each in seen if self._is_left(each, seen)}
        free = {name for name in strays if not keeper.is_acted_on(name)}
        self._looks = {name: self._looks.get(name, 0) + 1 for name in free}
        for name in sorted(free - self._ending.keys()):
            if self._looks[name] >= (SOON if keeper.working else STRAY_AFTER):
                log.warning("%s: containers of neither its stable release nor a candidate: they end", name)
                self._ending[name] = asyncio.create_task(self._end(name), name=f"leftovers of {name}")

    async def close(self) -> None:
        """Lets everything be as it is."""
        tasks = tuple(self._ending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self, name: str) -> None:
        try:
            async with self._keeper.acting_on(name):
                await LettingIn(self._keeper).tidy(name)
        except (EngineError, StartError) as error:
            log.warning("%s: what is left over stays: %s", name, error)
            self._looks[name] = -REST
        finally:
            self._ending.pop(name, None)

    def _is_left(self, container: Container, seen: tuple[Container, ...]) -> bool:
        if container.side == "candidate":
            return container.service not in self._keeper.candidates.all()
        stack = self._keeper.kept.stack
        if not stack.has(container.service):
            return False
        service = stack.service(container.service)
        label = self._keeper.projects.label(service)
        if container.release == label:
            return False
        stable = [each for each in seen if each.unit == service.name and each.release == label]
        if sum(1 for each in stable if each.state == "ready") >= service.scale.min:
            return True
        # The stable release is not whole: only where both can run at once is it brought back first.
        doubles = service.kind == "module" and gateway_of(stack) is not None
        unasked = service.name in self._keeper.wanted.names and not self._keeper.working
        return doubles and service.rollout.strategy != "recreate" and unasked
