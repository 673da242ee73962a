"""Following what the managers of a Swarm make of an order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from nexus.runtimes.containers.change import Change
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.readiness import until_ready
from nexus.runtimes.containers.words import last_words
from nexus.runtimes.protocol import StartError

BEGIN_LIMIT = 2.0
MONITOR = 5.0  # seconds that the managers look at each new task (`update_config.monitor`)
POLL = 0.25
Told = Mapping[str, Any] | None


class Updating:
    """The updates of services. `service` tells what the managers know of one, None if they know none;
    `ended` what others have taken the place of.
    """

    def __init__(
        self,
        engine: Engine,
        observe: Callable[[], Awaitable[Sequence[Container]]],
        ended: Callable[[], Sequence[Container]],
        service: Callable[[str], Awaitable[Told]],
    ) -> None:
        self._engine = engine
        self._observe = observe
        self._ended = ended
        self._service = service

    async def began(self, unit: str, before: Told) -> bool:
        """Whether the managers have begun an update since `before`: at once, if anything changed."""
        give_up = asyncio.get_running_loop().time() + BEGIN_LIMIT
        while not _state(await self._service(unit), before):
            if asyncio.get_running_loop().time() > give_up:
                return False
            await asyncio.sleep(POLL)
        return True

    async def ended(self, unit: str, before: Told, limit: float) -> None:
        """Returns when the update that followed `before` is completed.

        Raises:
            EngineError: the managers took it back, stopped half-way, or need longer.
        """
        give_up = asyncio.get_running_loop().time() + limit
        while True:
            now = await self._service(unit)
            state = _state(now, before)
            if state == "completed":
                return
            if _failed(state):
                raise EngineError(f"the Swarm took the update of {unit} back ({_message(now)})")
            if asyncio.get_running_loop().time() > give_up:
                raise EngineError(f"the update of {unit} has not ended after {limit:.0f} s")
            await asyncio.sleep(POLL)

    async def whole(self, change: Change, before: Told) -> None:
        """Returns when all tasks of a unit are those of the change, and ready, and stayed so.

        Raises:
            StartError: the managers took it back, or they are not within the limits of the rollout.
        """

        async def words(container: Container) -> str:
            return await self._words(change, container)

        updates = before is not None and await self.began(change.unit, before)
        if updates:
            await until_ready(lambda: self._coming(change, before), change, 1, words)
            limit = change.count * (change.rollout.start + change.rollout.settle + MONITOR)
            try:
                await self.ended(change.unit, before, limit)
            except EngineError as error:
                raise StartError(f"{error}{await self._last_failure(change)}") from error
        if change.count > 1 or not updates:
            await until_ready(lambda: self._coming(change, before), change, change.count, words)

    async def _coming(self, change: Change, before: Told) -> list[Container]:
        now = await self._service(change.unit)
        if _failed(_state(now, before)):
            told = await self._last_failure(change)
            raise StartError(f"the Swarm took the update of {change.unit} back ({_message(now)}){told}")
        return [each for each in await self._observe() if each.unit == change.unit]

    async def _words(self, change: Change, container: Container) -> str:
        return await self._said(container) or await self._last_failure(change)

    async def _last_failure(self, change: Change) -> str:
        """Why the last task of the change ended that is not there any more, and its last words."""
        await self._observe()
        gone = [each for each in self._ended() if each.unit == change.unit and change.comes(each)]
        if not gone:
            return ""
        last = max(gone, key=lambda each: each.since)
        return f"; one before it ended: {last.why}{await self._said(last)}"

    async def _said(self, container: Container) -> str:
        return await last_words(self._engine, "service", "logs", "--raw", "--tail", "3", container.task)


def _state(now: Told, before: Told) -> str:
    """The state of the update that has followed `before`; "" when there was none."""
    status, was = (now or {}).get("UpdateStatus") or {}, (before or {}).get("UpdateStatus") or {}
    return str(status.get("State", "")) if status.get("StartedAt") != was.get("StartedAt") else ""


def _failed(state: str) -> bool:
    return state.startswith("rollback") or state == "paused"


def _message(now: Told) -> str:
    return str(((now or {}).get("UpdateStatus") or {}).get("Message", "it says nothing"))
