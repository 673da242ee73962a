"""One release of a service takes the place of another: adopted when all of it is ready, taken back if not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.runtimes.containers.change import Change, Leaving
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper

Carry = Callable[[Change], Awaitable[None]]


class Exchange:
    """Changes the stable side of services."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        self._keeper = keeper

    async def roll(self, service: Service, together: bool = False, again: bool = False) -> None:
        """New containers first: `together` all of them before the first old one goes, else one by one.
        `again`: also those that are of this very release already.

        Raises:
            StartError: what comes does not get ready; the old ones are whole again.
        """
        change = await self._change(service, together, again)
        await self._carry_out(self._keeper.containers(self._keeper.kept).roll, change, service)

    async def in_place(self, service: Service, grace: float, again: bool = False) -> None:
        """The old containers go first, within `grace` seconds; `again` as above.

        Raises:
            StartError: what comes does not get ready; the old ones are back.
        """

        async def exchange(change: Change) -> None:
            await self._keeper.containers(self._keeper.kept).exchange(change, grace)

        await self._carry_out(exchange, await self._change(service, False, again), service)

    async def make_whole(self, name: str) -> None:
        """Has the stable release alone run on the stable side; does nothing where that is so.

        Raises:
            StartError: it does not get ready.
            EngineError: the engine refuses.
        """
        change = self._former(name)
        if not all(change.comes(each) for each in await self._there(name)):
            await self._keeper.containers(self._keeper.kept).roll(change)

    async def _carry_out(self, carry: Carry, change: Change, service: Service) -> None:
        former = self._keeper.service(service.name)
        if former.release == service.release and change.is_so(await self._there(service.name)):
            return
        try:
            await carry(change)
            await self._keeper.glance(self._keeper.kept)
        except (StartError, EngineError) as error:
            if self._keeper.service(service.name).release == service.release != former.release:
                raise StartError(
                    str(error)
                ) from error  # it is the stable one: there is no way back from here
            try:
                await carry(await self._back(change))
            except (StartError, EngineError) as worse:
                raise StartError(f"{error}; and the former is not whole again: {worse}") from error
            await self._keeper.glance(self._keeper.kept)
            raise StartError(f"{error}; the former goes on") from error
        await self._keeper.renew_proxies()

    async def _change(self, service: Service, together: bool, again: bool) -> Change:
        keeper, there = self._keeper, await self._there(service.name)

        async def whole() -> None:
            if keeper.service(service.name).release == service.release:
                keeper.projects.releases.give(service)
            else:
                await keeper.adopt(service)

        return Change(
            unit=service.name,
            project=keeper.project(keeper.kept).become(service),
            release=service.release,
            count=service.scale.min,
            rollout=service.rollout,
            together=together,
            before=frozenset(each.key for each in there if again),
            whole=whole,
            leaving=self._leaving(service),
        )

    def _former(self, name: str) -> Change:
        keeper, stable = self._keeper, self._keeper.service(name)
        return Change(
            unit=name,
            project=keeper.project(keeper.kept),
            release=keeper.projects.label(stable),
            count=stable.scale.min,
            rollout=stable.rollout,
            together=True,
            leaving=self._leaving(stable),
        )

    def _leaving(self, service: Service) -> Leaving:
        keeper = self._keeper

        def leaving(containers: Sequence[Container]) -> AbstractAsyncContextManager[None]:
            return keeper.split.leaving(keeper.kept, containers, service.rollout.drain)

        return leaving

    async def _back(self, change: Change) -> Change:
        """The way back: where all are of one release, those that have come are the ones to go."""
        came = [each.key for each in await self._there(change.unit) if change.comes(each)]
        return replace(self._former(change.unit), before=frozenset(came if change.before else ()))

    async def _there(self, name: str) -> list[Container]:
        seen = await self._keeper.glance(self._keeper.kept)
        return [each for each in seen if each.service == name and each.side == "stable"]
