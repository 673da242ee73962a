"""Questions to the collector over its socket: requests and business."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from nexus.control.deploying.evidence.view import View
from nexus.releases.guard import Settings

log = logging.getLogger("nexus.control")

PATIENCE = 15.0  # seconds


class Collected:
    """Asks the collector of a stack. None: it does not answer now."""

    def __init__(self, socket: Path, gateways: tuple[str, ...]) -> None:
        self._socket = socket
        self._gateways = gateways

    async def sides(self, view: View, settings: Settings) -> dict[str, Any] | None:
        """See `nexus.control.collector.answers.evidence.sides`."""
        asked: dict[str, Any] = {
            "service": view.service.name,
            "gateway": list(self._gateways),
            "stable": view.stable,
            "candidate": view.candidate,
            "since": f"{view.since:.6f}",
            "stable_since": f"{view.stable_since:.6f}",
            "tolerance": str(settings.tolerance),
            "slack_ms": str(settings.slack_ms),
            "release": view.release,
        }
        if view.stable_until is not None:
            asked["stable_until"] = f"{view.stable_until:.6f}"
        if view.sticky:
            asked["sticky"] = "1"
        return await self.ask("/evidence", asked)

    async def progress(self, view: View) -> dict[str, Any] | None:
        """See `nexus.control.collector.answers.progress.progress`."""
        asked = {"module": view.service.name, "since": f"{view.began:.6f}"}
        return await self.ask("/evidence/progress", asked)

    async def ask(self, path: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer to any question of `nexus.control.collector.answers.ANSWERS`."""
        connector = aiohttp.UnixConnector(path=str(self._socket))
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.get(f"http://telemetry{path}", params=asked) as answer,
            ):
                told: dict[str, Any] = await answer.json()
                if answer.status == 200:
                    return told
                log.warning("telemetry refuses %s: %s", path, told.get("error"))
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            log.info("telemetry does not answer %s: %s", path, str(error) or type(error).__name__)
        return None
