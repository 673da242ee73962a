"""After a deploy: objectives of the business that burn their error budget fast now and did not before it.

It is told with the deployment, and how far a rollback would reach; nothing is taken back by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import aiohttp

from nexus.control.deploying.observing import observe
from nexus.releases.scope import Broken, Scope, decide_scope
from nexus.runtimes.protocol import StartError
from nexus.stack.burning import FAST_BURN, reachable

if TYPE_CHECKING:
    from nexus.control.world import World
    from nexus.releases.records import Deployment

log = logging.getLogger("nexus.control")

LOOKED_AT_FOR = 600.0  # seconds after a deployment's end
LOOK_EVERY = 15.0
PATIENCE = 10.0
WINDOW = "5m"
Burns = Mapping[tuple[str, str], float]  # process and objective → how many times too fast its budget is spent


class Suspects:
    """Looks at deployments that ended a short while ago."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def look_for_ever(self) -> None:
        """Looks until it is cancelled, whatever one look meets."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                for each in self._recent():
                    await self._look(each)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                log.info("telemetry does not say how the business does: %s", error)
            except Exception:
                log.exception("looking after a deployment failed; it is tried again in %g s", LOOK_EVERY)

    def _recent(self) -> list[Deployment]:
        site, earliest = self._world.site, time.time() - LOOKED_AT_FOR
        if site is None or not site.stack.collects:
            return []
        return [
            each
            for each in self._world.catalogue.deployments()
            if each.state in ("promoted", "rolled back")
            and (each.ended_at or 0.0) > earliest
            and not each.evidence.get("suspect")
        ]

    async def _look(self, deployment: Deployment) -> None:
        mine = self._processes(deployment)
        now, before = await self._fast(mine), await self._fast(mine, deployment.started_at)
        worse = {key: burn for key, burn in now.items() if key not in before}
        if not worse:
            return
        said = "; ".join(
            f"{process}: {objective} burns its error budget {burn:.1f} times too fast"
            for (process, objective), burn in worse.items()
        )
        said = "; ".join((said, *await self._offers(said, tuple({process: None for process, _ in worse}))))
        log.warning("deployment %d is suspect: %s", deployment.id, said)
        self._world.catalogue.note(deployment.id, deployment.state, {"suspect": said})
        self._world.tell({"event": "suspect", "deployment": deployment.id, "sentence": said})

    async def _offers(self, cause: str, processes: tuple[str, ...]) -> tuple[str, ...]:
        """What can be done about broken processes, one sentence for each that is another."""
        assert self._world.site is not None
        stack = self._world.site.stack
        try:
            facts = await observe(self._world, past=True, figures=True)
            scopes = [decide_scope(stack, facts, Broken(process=each), cause) for each in processes]
        except (StartError, ValueError) as error:
            return (f"how far a rollback would reach is not known: {error}",)
        return tuple(dict.fromkeys(offer(scope) for scope in scopes))

    def _processes(self, deployment: Deployment) -> frozenset[str]:
        """The business processes that one of its services carries a step of."""
        if self._world.site is None:
            return frozenset()
        return frozenset(
            name
            for name, process in self._world.site.stack.processes.items()
            if any(step.module in deployment.services for step in process.steps)
        )

    async def _fast(self, processes: frozenset[str], at: float | None = None) -> Burns:
        connector = aiohttp.UnixConnector(path=str(self._world.home.telemetry_socket))
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with (
            aiohttp.ClientSession("http://telemetry", connector=connector, timeout=timeout) as session,
            session.get(
                "/processes", params={} if at is None else {"at": f"{at:.6f}"}, raise_for_status=True
            ) as answer,
        ):
            return fast(await answer.json(), processes)


def offer(scope: Scope) -> str:
    """What an operator can do, with the commands. Pure."""
    if not scope.possible:
        instead = f"; instead: {', or '.join(scope.offers)}" if scope.offers else ""
        return f"{scope.sentence}{instead}"
    first, *_ = scope.members
    commands = [f"nexus rollback {first.service}"]
    if scope.reach == "set":
        commands = [f"nexus rollback {each.service} --to {each.to.id}" for each in scope.members]
    return f"a rollback would reach {scope.sentence} ({first.why}): {'; '.join(f'`{c}`' for c in commands)}"


def fast(told: Mapping[str, Any], processes: frozenset[str]) -> Burns:
    """The objectives of `processes` that burn fast, from an answer to /processes. Pure."""
    found = {}
    for process in told["processes"]:
        for objective in process["objectives"] if process["name"] in processes else ():
            burn = objective["burn"].get(WINDOW)
            if burn is not None and burn >= reachable(FAST_BURN, objective["target"]):
                found[process["name"], objective["name"]] = burn
    return found
