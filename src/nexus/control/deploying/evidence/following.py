"""The newest answers of telemetry, asked for besides everything else: a busy machine takes its time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from nexus.control.deploying.evidence.collected import Collected
from nexus.control.deploying.evidence.view import View
from nexus.releases.guard import Settings

SIDES_EVERY, PROGRESS_EVERY = 1.0, 3.0  # seconds
FRESH = 6.0  # seconds for which an answer tells how things are


class Following:
    """What telemetry told last, while `run` runs: `sides` and `progress`, {} until they are known."""

    def __init__(self, collected: Collected, view: View, settings: Settings) -> None:
        self.sides: dict[str, Any] = {}
        self.progress: dict[str, Any] = {}
        self._collected = collected
        self._view = view
        self._settings = settings
        self._known = float("-inf")

    @property
    def fresh(self) -> bool:
        """Whether what is known of requests is of these seconds: asked just now, and of lines taken in."""
        behind: float = self.sides.get("behind", 0.0)
        return time.monotonic() - self._known + behind < FRESH

    async def run(self) -> None:
        """Asks until cancelled."""
        await asyncio.gather(self._follow_sides(), self._follow_progress())

    async def _follow_sides(self) -> None:
        while True:
            began = time.monotonic()
            told = await self._collected.sides(self._view, self._settings)
            if told is not None:
                self.sides, self._known = told, began
            await _rest(SIDES_EVERY, began)

    async def _follow_progress(self) -> None:
        while True:
            began = time.monotonic()
            self.progress = await self._collected.progress(self._view) or self.progress
            await _rest(PROGRESS_EVERY, began)


async def _rest(every: float, began: float) -> None:
    """Until the next question is due; what takes long is asked less often."""
    took = time.monotonic() - began
    await asyncio.sleep(max(every - took, took / 2))
