"""Standbys on a Swarm: added, removed, put in the primary's place; each plans, executes, reports."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nexus.control.addresses import Refused
from nexus.control.progress import step_told
from nexus.control.standby.nodes.adding import Adding
from nexus.control.standby.nodes.moving import Moving
from nexus.control.standby.nodes.seat import NodeSeat
from nexus.control.standby.nodes.watching import Watching
from nexus.control.standby.outcomes import told
from nexus.control.standby.requests import AddRequest, AutoRequest, FailoverRequest, RemoveRequest
from nexus.control.turn import Emit
from nexus.plans import Action, Plan, StepEvent, execute
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.containers.managers import Node
from nexus.runtimes.protocol import StartError
from nexus.standby import StandbyError
from nexus.standby.nodes import plan_add_elsewhere, plan_remove_elsewhere
from nexus.standby.planning import Wish

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper
    from nexus.control.world import World

log = logging.getLogger("nexus.control")
NO_PATH = "on a Swarm the standby has a volume of its own on another node; leave `--path` out"
NEEDS_WAITING = (
    "on a Swarm a standby takes over by itself only while commits wait for it: a primary that is cut off "
    "could otherwise go on acknowledging; use `nexus standby add --synchronous --auto`"
)


class NodeStandbys:
    """The standby of one stack's database on a Swarm."""

    def __init__(self, world: World, keeper: ContainerKeeper) -> None:
        self._world = world
        self.keeper = keeper
        self._seat = NodeSeat(keeper, world.register)
        self._watching = Watching(self._seat, self._by_itself)

    async def add(self, asked: AddRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Adds a standby, or changes what the present one does."""
        seat = self._ready()
        kept, follower = seat.records.kept, seat.records.kept.placed.follower
        if asked.path:
            raise Refused(NO_PATH)
        before = kept if follower is not None else None
        synchronous = asked.synchronous if asked.synchronous is not None else not before or before.synchronous
        auto = asked.auto if asked.auto is not None else bool(before and before.auto)
        if auto and not synchronous:
            raise Refused(NEEDS_WAITING)
        node: Node | None = None
        try:
            if follower is None:
                node = await seat.place_for_another()
        except (StandbyError, EngineError) as error:
            raise Refused(str(error)) from error
        host = node.host if node else follower.host if follower else ""
        volume = follower.volume if follower else f"{seat.database.name}-{kept.numbers + 1}"
        wish = Wish(synchronous, auto)
        plan = plan_add_elsewhere(seat.database.name, host, volume, follower is not None, wish, asked.who)
        await self._carry_out(plan, Adding(seat, node, stop).all(), asked, emit, stop)

    async def remove(self, asked: RemoveRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Removes the standby with its data, and the data of former primaries."""
        seat = self._ready()
        kept, follower = seat.records.kept, seat.records.kept.placed.follower
        if follower is None and not kept.left:
            raise Refused("there is no standby; add one with `nexus standby add`")
        volumes = [f"{each.volume} of {each.host}" for each in kept.left]
        if follower is not None:
            volumes.append(f"{follower.volume} of {follower.host}")
        name = seat.database.name
        plan = plan_remove_elsewhere(name, follower is not None, tuple(volumes), asked.who)
        await self._carry_out(plan, Adding(seat, None, stop).all(), asked, emit, stop)

    async def fail_over(self, asked: FailoverRequest, emit: Emit) -> None:
        """Puts the standby in the primary's place."""
        seat = self._ready(settled=False)
        try:
            await Moving(seat, self._watching, self._world.journal).by_operator(asked, emit)
        except EngineError as error:
            raise Refused(str(error)) from error

    def auto(self, asked: AutoRequest) -> dict[str, Any]:
        """Whether the standby takes over by itself from now on."""
        kept = self._ready().records.kept
        if kept.placed.follower is None:
            raise Refused("there is no standby; add one with `nexus standby add`")
        if asked.auto and not kept.synchronous:
            raise Refused(NEEDS_WAITING)
        self._seat.records.note(auto=asked.auto)
        log.info("the standby takes over by itself: %s (%s)", "yes" if asked.auto else "no", asked.who)
        return self.status()

    def status(self) -> dict[str, Any]:
        """What `nexus standby status --json` prints."""
        seat = self._ready(settled=False)
        kept, seen = seat.records.kept, self._watching.seen
        follower, port = kept.placed.follower, seat.site.ports[seat.database.name]
        primary = seat.container(seat.database.name)
        where = kept.placed.host or (primary.node if primary else "")
        return {
            "service": seat.database.name,
            "decision": kept.placed.decision,
            "moving": f"{follower.volume} of {follower.host}" if kept.moving and follower else None,
            "primary": {
                "data": f"volume {seat.volume} of {where or '?'}",
                "port": port,
                "stable_port": port,
                **_state(primary),
            },
            "standby": None
            if follower is None
            else {
                "data": f"volume {follower.volume} of {follower.host}",
                "port": follower.port,
                **_state(seat.container(seat.unit)),
                "synchronous": kept.synchronous,
                "waited_for": kept.waited_for,
                "auto": kept.auto,
                "stream": seen.as_dict() if seen else None,
                "seen_s": round(time.monotonic() - self._watching.seen_at, 1) if seen else None,
            },
            "former": None,
            "left": [asdict(each) for each in kept.left],
            "last": asdict(kept.last) if kept.last else None,
        }

    async def take_up(self) -> None:
        """Finishes what an earlier control loop began."""
        if self._seat.possible and self._seat.records.kept.moving:
            try:
                await self._by_itself("the control loop was killed meanwhile")
            except (StartError, Refused, EngineError) as error:
                log.error("the standby did not take over: %s", error)

    async def watch(self) -> None:
        """One look at primary and standby."""
        if self._seat.possible:
            await self._watching.once()

    async def close(self) -> None:
        """Closes what it asked over."""
        await self._watching.close()

    async def _by_itself(self, cause: str) -> None:
        await Moving(self._seat, self._watching, self._world.journal).by_itself(cause)

    def _ready(self, settled: bool = True) -> NodeSeat:
        seat = self._seat
        name = seat.database.name  # refuses where there is none, or several
        if not seat.wanted:
            raise Refused(f"{name} does not run; start the stack with `nexus up`")
        if settled and seat.records.kept.moving:
            raise Refused("a failover was begun and is not finished; finish it with `nexus failover`")
        return seat

    async def _carry_out(
        self,
        plan: Plan,
        actions: Mapping[str, Action],
        asked: AddRequest | RemoveRequest,
        emit: Emit,
        stop: asyncio.Event,
    ) -> None:
        emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
        if asked.plan_only:
            return

        def tell(event: StepEvent) -> None:
            emit(step_told(event))

        emit(told(await execute(plan, actions, self._world.journal, asked.who, tell, stop)))


def _state(container: Container | None) -> dict[str, str]:
    return {"state": container.state if container else "down", "why": container.why if container else ""}
