"""A deployment that is under way: it can be followed, made to stand still, and sent back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Emit = Callable[[dict[str, Any]], None]


class Aborted(Exception):
    """Somebody asked the deployment to go back; the text says who."""


class Rollout:
    """What is told of one deployment, and what its operators want of it.

    `id` is the deployment's in the catalogue, `after` what it leads to (service → id of a release). `going`
    is set unless it is to stand still, `pausing` is the contrary of it. `aborted` is set once an operator
    wants it to go back, `returning` once it goes back for whatever cause.
    """

    def __init__(
        self, id: int, kind: str, who: str, request: dict[str, Any], after: Mapping[str, str] | None = None
    ) -> None:
        self.id = id
        self.kind = kind
        self.who = who
        self.request = request
        self.after = dict(after or {})
        self.going = asyncio.Event()
        self.going.set()
        self.pausing = asyncio.Event()
        self.aborted = asyncio.Event()
        self.aborter = ""
        self.returning = False
        self.over = asyncio.Event()
        self._told: list[dict[str, Any]] = []
        self._figures: dict[str, dict[str, Any]] = {}
        self._followers: set[Emit] = set()

    def tell(self, event: dict[str, Any]) -> None:
        """Tells an event to those who follow, and to those who will."""
        if event["event"] == "rollout":
            self._figures[event["service"]] = event  # a newer picture takes the older one's place
        elif event["event"] != "told":  # what happens inside a migration is old when it is over
            self._told.append(event)
        for follower in tuple(self._followers):
            follower(event)

    async def follow(self, emit: Emit) -> None:
        """Tells all that was and will be told; returns when the deployment has ended."""
        for event in (*self._told, *self._figures.values()):
            emit(event)
        self._followers.add(emit)
        try:
            await self.over.wait()
        finally:
            self._followers.discard(emit)

    def pause(self) -> None:
        """The running step ends, no other begins; a judgement stands still, and traffic with it."""
        self.going.clear()
        self.pausing.set()

    def resume(self) -> None:
        """It goes on."""
        self.pausing.clear()
        self.going.set()

    def abort(self, who: str) -> None:
        """It goes back, whether it stands still or not."""
        self.aborter = who
        self.returning = True
        self.aborted.set()

    async def turn(self) -> None:
        """Returns when the next step may begin.

        Raises:
            Aborted: it is to go back.
        """
        await self.unless_aborted(self.going.wait())

    async def unless_aborted(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives; cancels it when the deployment is to go back.

        Raises:
            Aborted: it is to go back.
        """
        task, aborted = asyncio.ensure_future(work), asyncio.ensure_future(self.aborted.wait())
        try:
            await asyncio.wait({task, aborted}, return_when=asyncio.FIRST_COMPLETED)
            if self.aborted.is_set() and not task.done():
                raise Aborted(f"aborted by {self.aborter}")
            return await task
        finally:
            for each in (task, aborted):
                each.cancel()
            await asyncio.gather(task, aborted, return_exceptions=True)

    @property
    def state(self) -> str:
        """Where it is, as the catalogue calls it: once it goes back it does so to the end."""
        if self.returning:
            return "returning"
        return "running" if self.going.is_set() else "paused"

    @property
    def latest(self) -> dict[str, dict[str, Any]]:
        """The newest figures, by service."""
        return dict(self._figures)

    @property
    def step(self) -> dict[str, Any] | None:
        """What was last told of a step."""
        return next((event for event in reversed(self._told) if event["event"] == "step"), None)
