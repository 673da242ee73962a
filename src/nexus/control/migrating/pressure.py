"""Whether users wait just now: what lets a backfill pause."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from nexus.stack import Stack

if TYPE_CHECKING:
    from nexus.control.world import World

log = logging.getLogger("nexus.control")

SECONDS = 10  # of which requests are looked at
ENOUGH = 20  # requests; fewer tell nothing
EVERY = 2.0  # seconds between two questions, however often it is asked
PATIENCE = 5.0
_RECENT = (
    "SELECT count(*) AS requests, quantile_cont(duration_ms, {target}) AS ms FROM logs "
    "WHERE service IN ({gateways}) AND status IS NOT NULL AND time > now() - INTERVAL {seconds} SECOND"
)


class Pressure:
    """How much users wait: 1 where requests of the last seconds are slower than what is promised of them,
    else their time as a share of it. What cannot be known is 0. `within` in seconds.
    """

    def __init__(self, socket: Path, query: str, within: float) -> None:
        self._socket = socket
        self._query = query
        self._within = within
        self._asked = -EVERY
        self._last = 0.0

    async def __call__(self) -> float:
        now = time.monotonic()
        if now - self._asked >= EVERY:
            self._asked = now
            self._last = share(await self._ask(), self._within)
        return self._last

    async def _ask(self) -> dict[str, Any] | None:
        connector = aiohttp.UnixConnector(path=str(self._socket))
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        body = {"text": self._query, "limit": "1"}
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.post("http://telemetry/sql", json=body) as answer,
            ):
                told: dict[str, Any] = await answer.json()
                if answer.status == 200:
                    return told
                log.warning("telemetry does not tell how long users wait: %s", told.get("error"))
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            log.info("telemetry does not answer: %s", str(error) or type(error).__name__)
        return None


def pressure_of(world: World) -> Pressure | None:
    """What tells how much users wait; None where nothing is collected or promised."""
    site = world.site
    if site is None or not site.stack.collects:
        return None
    promise, gateways = promised(site.stack), tuple(each.name for each in site.stack.of_kind("gateway"))
    if promise is None or not gateways:
        return None
    target, within = promise
    names = ", ".join(f"'{name}'" for name in gateways)
    query = _RECENT.format(target=target, gateways=names, seconds=SECONDS)
    return Pressure(world.home.telemetry_socket, query, within)


def promised(stack: Stack) -> tuple[float, float] | None:
    """The strictest promise of speed: which share of requests, in how many seconds. Pure."""
    found = [
        (objective.within, objective.target)
        for process in stack.processes.values()
        for objective in process.objectives
        if objective.kind == "latency" and objective.within
    ]
    if not found:
        return None
    within, target = min(found)
    return target, within


def share(answer: dict[str, Any] | None, within: float) -> float:
    """How near requests came to what is promised; 0 where it is not known. Pure."""
    rows = answer["rows"] if answer else ()
    if not rows:
        return 0.0
    requests, ms = rows[0]
    if requests < ENOUGH or ms is None:
        return 0.0
    return min(1.0, float(ms) / 1000 / within)
