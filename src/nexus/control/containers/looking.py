"""What is on the engine, looked at by many and asked of the engine once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from nexus.control.facts import InstanceFacts
from nexus.control.keeper import Tell
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.site import Site

Observe = Callable[[Site], Awaitable[tuple[Container, ...]]]


class Looking:
    """`seen` is what was there at the last look; who listens is told what has changed since."""

    def __init__(self, observe: Observe, tell: Tell) -> None:
        self.seen: tuple[Container, ...] = ()
        self._observe = observe
        self._tell = tell
        self._glancing: asyncio.Task[tuple[Container, ...]] | None = None

    async def look(self, site: Site) -> tuple[Container, ...]:
        """What is there now.

        Raises:
            EngineError: the engine does not answer; then nothing is known to run.
        """
        before = {each.instance: each.state for each in self.seen}
        try:
            self.seen = await self._observe(site)
        except EngineError:
            self.seen = ()
            raise
        for each in self.seen:
            if before.get(each.instance) != each.state:
                self._tell(_event(each))
        return self.seen

    async def glance(self, site: Site) -> tuple[Container, ...]:
        """Like `look`; all who wait for something at the same time share one look.

        Raises:
            EngineError: the engine does not answer.
        """
        begun = self._glancing
        if begun is not None and not begun.done():  # it may have seen what was true before the caller acted
            await asyncio.wait({begun})
        if self._glancing is None or self._glancing is begun:
            self._glancing = asyncio.create_task(self.look(site), name="glance at containers")
        return await asyncio.shield(self._glancing)


def instances_of(site: Site | None, seen: tuple[Container, ...]) -> dict[str, tuple[InstanceFacts, ...]]:
    """Containers as facts, by service. Pure."""
    found: dict[str, tuple[InstanceFacts, ...]] = {}
    for each in seen:
        facts = InstanceFacts(
            id=each.instance,
            pid=each.pid,
            port=site.ports.get(each.service, 0) if site else 0,
            release=each.release,
            state=each.state,
            since=each.since,
            restarts=each.restarts,
            why=each.why,
            knows=None,
            container=each.id,
            node=each.node,
            task=each.task,
            side=each.side,
        )
        found[each.service] = (*found.get(each.service, ()), facts)
    return found


def _event(container: Container) -> dict[str, object]:
    return {
        "event": "instance",
        "service": container.service,
        "instance": container.instance,
        "state": container.state,
        "why": container.why,
        "at": time.time(),
    }
