"""Containers of one engine make way for others: those that come are ready before any goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from nexus.runtimes.containers.change import Change
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import Engine
from nexus.runtimes.containers.project import Project
from nexus.runtimes.containers.readiness import until_ready
from nexus.runtimes.containers.words import last_words

NOTICE_S = 2.0  # until the gateway has heard of a new instance: its name server is asked every second


class Compose(Protocol):
    """`docker compose ARGUMENTS` on the files of a project."""

    def __call__(self, project: Project, *arguments: str) -> Awaitable[None]: ...


class Rolling:
    """Carries out a change with what Compose and the engine can do. May be begun anew at any point of it."""

    def __init__(
        self,
        engine: Engine,
        observe: Callable[[], Awaitable[Sequence[Container]]],
        compose: Compose,
        drop: Callable[[Iterable[Container], float], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._observe = observe
        self._compose = compose
        self._drop = drop

    async def carry_out(self, change: Change) -> None:
        """Returns when the change is whole and what had to go has ended.

        Raises:
            StartError: what comes does not get ready; it stays as it is, beside those that had not gone yet.
            EngineError: the engine refuses.
        """
        await self._drop([each for each in await self._of(change) if each.state == "down"], 0.0)
        for number in [change.count] if change.together else range(1, change.count + 1):
            await self._come(change, number)
            if number == change.count:
                await change.whole()
            others = [each for each in await self._of(change) if not change.comes(each)]
            await self._go(change, others if number == change.count else others[:1])
        await self._go(change, await self._surplus(change))

    async def _come(self, change: Change, number: int) -> None:
        """Has `number` containers of those that come ready, for so long that the gateway knows it too."""
        there = await self._of(change)
        lacking = number - sum(1 for each in there if change.comes(each))
        if lacking > 0:
            scale = f"{change.unit}={len(there) + lacking}"
            options = ("--detach", "--no-deps", "--no-build", "--no-recreate", "--scale", scale)
            await self._compose(change.project, "up", *options, change.unit)
        await until_ready(lambda: self._of(change), change, number, self._words, NOTICE_S)

    async def _go(self, change: Change, containers: Sequence[Container]) -> None:
        async with change.leaving(containers):
            await self._drop(containers, change.rollout.drain)

    async def _of(self, change: Change) -> list[Container]:
        return [each for each in await self._observe() if each.unit == change.unit]

    async def _surplus(self, change: Change) -> list[Container]:
        """More of those that come than there are to be."""
        return [each for each in await self._of(change) if change.comes(each)][change.count :]

    async def _words(self, container: Container) -> str:
        return await last_words(self._engine, "logs", "--tail", "3", container.id)
