"""Whether users wait just now: what lets a backfill pause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from nexus.control.deploying.evidence.collected import Collected
from nexus.stack import Stack

if TYPE_CHECKING:
    from nexus.control.world import World

SECONDS = 10
ENOUGH = 20  # requests; fewer tell nothing
_RECENT = (
    "SELECT count(*) AS requests, quantile_cont(duration_ms, {target}) AS ms FROM logs "
    "WHERE service IN ({gateways}) AND status IS NOT NULL AND time > now() - INTERVAL {seconds} SECOND"
)


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


def pressure_of(world: World) -> Callable[[], Awaitable[float]] | None:
    """What tells how much users wait: 1 where requests of the last seconds are slower than what is promised
    of them, else their time as a share of it. None where nothing is collected or promised.
    """
    site = world.site
    if site is None or not site.stack.collects:
        return None
    promise, gateways = promised(site.stack), tuple(each.name for each in site.stack.of_kind("gateway"))
    if promise is None or not gateways:
        return None
    target, within = promise
    names = ", ".join(f"'{name}'" for name in gateways)
    query = _RECENT.format(target=target, gateways=names, seconds=SECONDS)
    collected = Collected(world.home.telemetry_socket, gateways)

    async def pressure() -> float:
        return share(await collected.ask("/sql", {"text": query, "limit": "1"}), within)

    return pressure


def share(answer: dict[str, Any] | None, within: float) -> float:
    """How near requests came to what is promised; 0 where it is not known. Pure."""
    rows = answer["rows"] if answer else ()
    if not rows:
        return 0.0
    requests, ms = rows[0]
    if requests < ENOUGH or ms is None:
        return 0.0
    return min(1.0, float(ms) / 1000 / within)
