"""Requests and business, asked of the collector over its socket again and again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from nexus.control.deploying.evidence.view import View
from nexus.releases.guard import Settings

log = logging.getLogger("nexus.control")

SIDES_EVERY, PROGRESS_EVERY = 1.0, 3.0  # seconds; a busy machine is asked less often
PATIENCE = 15.0
FRESH = 6.0  # seconds for which an answer tells how things are


class Collected:
    """The newest answers of the collector while `run` runs.

    `sides` and `progress` are what `nexus.control.collector.answers` has under these names, {} until they
    are known.
    """

    def __init__(self, socket: Path, gateways: tuple[str, ...], view: View, settings: Settings) -> None:
        self.sides: dict[str, Any] = {}
        self.progress: dict[str, Any] = {}
        self._socket = socket
        self._gateways = gateways
        self._view = view
        self._settings = settings
        self._known = float("-inf")

    @property
    def fresh(self) -> bool:
        """Whether what is known of requests is of these seconds."""
        return time.monotonic() - self._known < FRESH

    async def run(self) -> None:
        """Asks until cancelled."""
        connector = aiohttp.UnixConnector(path=str(self._socket))
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await asyncio.gather(self._follow_sides(session), self._follow_progress(session))

    async def _follow_sides(self, session: aiohttp.ClientSession) -> None:
        while True:
            began = time.monotonic()
            told = await _ask(session, "/evidence", self._about_sides())
            if told is not None:
                self.sides, self._known = told, began
            await _rest(SIDES_EVERY, began)

    async def _follow_progress(self, session: aiohttp.ClientSession) -> None:
        view = self._view
        while True:
            began = time.monotonic()
            asked = {"module": view.service.name, "since": f"{view.began:.6f}"}
            self.progress = await _ask(session, "/evidence/progress", asked) or self.progress
            await _rest(PROGRESS_EVERY, began)

    def _about_sides(self) -> dict[str, Any]:
        view, settings = self._view, self._settings
        until = {} if view.stable_until is None else {"stable_until": f"{view.stable_until:.6f}"}
        return {
            "service": view.service.name,
            "gateway": list(self._gateways),
            "stable": view.stable,
            "candidate": view.candidate,
            "since": f"{view.since:.6f}",
            "stable_since": f"{view.stable_since:.6f}",
            "tolerance": str(settings.tolerance),
            "slack_ms": str(settings.slack_ms),
            "release": view.release,
            **until,
            **({"sticky": "1"} if view.service.rollout.sticky else {}),
        }


async def _ask(session: aiohttp.ClientSession, path: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer; None when there is none now."""
    try:
        async with session.get(f"http://telemetry{path}", params=asked) as answer:
            told: dict[str, Any] = await answer.json()
            if answer.status == 200:
                return told
            log.warning("telemetry refuses %s: %s", path, told.get("error"))
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        log.info("telemetry does not answer %s: %s", path, str(error) or type(error).__name__)
    return None


async def _rest(every: float, began: float) -> None:
    took = time.monotonic() - began
    await asyncio.sleep(max(every - took, took / 2))
