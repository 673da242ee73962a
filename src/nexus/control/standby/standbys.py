"""Standbys: added, removed, put in the primary's place; each reads facts, plans, executes, reports."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus.control.addresses import Refused
from nexus.control.containers.keeper import ContainerKeeper
from nexus.control.processes.keeper import ProcessKeeper
from nexus.control.progress import step_told
from nexus.control.standby.actions import Actions
from nexus.control.standby.keeping import StandingBy
from nexus.control.standby.leftover import keep_only_copy
from nexus.control.standby.moving import Moving
from nexus.control.standby.nodes.desk import NodeStandbys
from nexus.control.standby.outcomes import told
from nexus.control.standby.requests import AddRequest, AutoRequest, FailoverRequest, RemoveRequest
from nexus.control.standby.state import state
from nexus.control.standby.watching import EVERY, Watching
from nexus.control.turn import Emit, Turn
from nexus.plans import Action, Plan, StepEvent, execute
from nexus.runtimes.protocol import StartError
from nexus.standby import StandbyError
from nexus.standby.members import free_member
from nexus.standby.planning import Wish, plan_add, plan_remove

if TYPE_CHECKING:
    from nexus.control.world import World

log = logging.getLogger("nexus.control")
ELSEWHERE = (
    "a standby is kept where the stack runs as processes or on a Swarm; on {runtime} the database is one "
    "container: bring it back from the archive instead (`nexus restore --latest`)"
)
LOST = (
    "the primary has removed WAL that the standby needs (its slot is lost: it was away too long), so it "
    "cannot catch up; `nexus standby remove`, then `nexus standby add` copies it anew"
)


class Standbys:
    """The standby of one stack's database."""

    def __init__(self, world: World, turn: Turn) -> None:
        self._world = world
        self._turn = turn
        self._watching: tuple[StandingBy, Watching] | None = None
        self._elsewhere: NodeStandbys | None = None

    async def add(self, asked: AddRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Adds a standby, brings a former primary back as one, or changes what it is to be."""
        async with self._turn.taken(f"standby add by {asked.who}", emit):
            if (nodes := self._nodes()) is not None:
                await nodes.add(asked, emit, stop)
                return
            standing = self._standing()
            self._settled(standing)
            record, former = standing.records.standby, standing.records.former
            if record is not None and asked.path and record.data != asked.path:
                raise Refused(f"there is a standby in {record.data}; remove it first: `nexus standby remove`")
            back = former is not None and record is None and not asked.path
            if back and former is not None:
                keep_only_copy(former, asked.discard)
            was = record or former
            try:
                home, name = standing.site.home, standing.database.name
                at = Path(asked.path) if asked.path else None
                data = Path(was.data) if was and (record or back) else free_member(home, name, at)
            except StandbyError as error:
                raise Refused(str(error)) from error
            wish = Wish(
                bool(was and was.synchronous) if asked.synchronous is None else asked.synchronous,
                bool(was and was.auto) if asked.auto is None else asked.auto,
            )
            there = record is not None and standing.standby is not None
            seen = self._watching_of(standing).seen
            if record is not None and seen is not None and seen.slot == "lost":
                raise Refused(LOST)
            plan = plan_add(standing.database.name, data, back, there, wish, asked.who)
            await self._carry_out(plan, Actions(standing, stop).all(), asked.who, asked.plan_only, emit, stop)

    async def remove(self, asked: RemoveRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Removes the standby and its folder; without one, the folder of a fenced former primary."""
        async with self._turn.taken(f"standby remove by {asked.who}", emit):
            if (nodes := self._nodes()) is not None:
                await nodes.remove(asked, emit, stop)
                return
            standing = self._standing()
            self._settled(standing)
            record, former = standing.records.standby, standing.records.former
            there = record or former
            if there is None:
                raise Refused("there is no standby; add one with `nexus standby add`")
            if record is None and former is not None:
                keep_only_copy(former, asked.discard)
            plan = plan_remove(standing.database.name, Path(there.data), asked.who)
            await self._carry_out(plan, Actions(standing, stop).all(), asked.who, asked.plan_only, emit, stop)

    async def fail_over(self, asked: FailoverRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Puts the standby in the primary's place: in order where the primary lives, else at once."""
        async with self._turn.taken(f"failover by {asked.who}", emit):
            if (nodes := self._nodes()) is not None:
                await nodes.fail_over(asked, emit)
                return
            standing = self._standing()
            moving = Moving(standing, self._watching_of(standing), self._world.journal)
            await moving.by_operator(asked, emit, stop)

    async def auto(self, asked: AutoRequest) -> dict[str, Any]:
        """Whether the standby takes over by itself from now on."""
        if (nodes := self._nodes()) is not None:
            return nodes.auto(asked)
        standing = self._standing()
        record = standing.records.standby
        if record is None:
            raise Refused("there is no standby; add one with `nexus standby add`")
        standing.records.standby = replace(record, auto=asked.auto)
        log.info("the standby takes over by itself: %s (%s)", "yes" if asked.auto else "no", asked.who)
        return self.status()

    def status(self) -> dict[str, Any]:
        """What `nexus standby status --json` prints."""
        if (nodes := self._nodes()) is not None:
            return nodes.status()
        standing = self._standing()
        return state(standing, self._watching_of(standing))

    def known(self) -> dict[str, Any] | None:
        """The same; None where a stack has none to tell of."""
        try:
            return self.status()
        except Refused:
            return None

    async def take_up(self) -> None:
        """Finishes what an earlier control loop began: the seat is not left empty."""
        if (nodes := self._nodes()) is not None:
            await nodes.take_up()
            return
        standing = self._possible()
        if standing is None or not standing.moving:
            return
        try:
            moving = Moving(standing, self._watching_of(standing), self._world.journal)
            await moving.on("the control loop was killed meanwhile")
        except (StartError, Refused) as error:
            log.error("the standby did not take over: %s", error)

    async def watch_for_ever(self) -> None:
        """Looks at primary and standby as long as the control loop runs."""
        while True:
            began = time.monotonic()
            standing, nodes = self._possible(), self._nodes()
            if standing is not None or nodes is not None:
                try:
                    if nodes is not None:
                        await nodes.watch()
                    elif standing is not None:
                        await self._watching_of(standing).once()
                except Exception:
                    log.exception("looking at the standby failed; it is tried again in %g s", EVERY)
            await asyncio.sleep(max(0.05, EVERY - (time.monotonic() - began)))

    async def close(self) -> None:
        """Closes what it asked over."""
        if self._watching is not None:
            await self._watching[1].close()
        if self._elsewhere is not None:
            await self._elsewhere.close()

    async def _by_itself(self, cause: str, since: float) -> None:
        standing = self._standing()
        await Moving(standing, self._watching_of(standing), self._world.journal).by_itself(cause, since)

    def _watching_of(self, standing: StandingBy) -> Watching:
        if self._watching is None or self._watching[0] is not standing:
            self._watching = (standing, Watching(standing, self._by_itself))
        return self._watching[1]

    def _nodes(self) -> NodeStandbys | None:
        """What keeps the standby where the stack runs on a Swarm; None elsewhere."""
        keeper = self._world.keeper
        if not isinstance(keeper, ContainerKeeper) or keeper.runtime != "swarm" or keeper.site is None:
            return None
        if self._elsewhere is None or self._elsewhere.keeper is not keeper:
            self._elsewhere = NodeStandbys(self._world, keeper)
        return self._elsewhere

    def _possible(self) -> StandingBy | None:
        keeper = self._world.keeper
        if not isinstance(keeper, ProcessKeeper) or not keeper.standing.possible:
            return None
        return keeper.standing

    def _standing(self) -> StandingBy:
        keeper = self._world.keeper
        if keeper.site is None:
            raise Refused("nothing runs; start with `nexus up`")
        if not isinstance(keeper, ProcessKeeper):
            raise Refused(ELSEWHERE.format(runtime=keeper.runtime))
        _ = keeper.standing.database  # refuses where there is none, or several
        if not keeper.standing.wanted:
            raise Refused(f"{keeper.standing.database.name} does not run; start the stack with `nexus up`")
        return keeper.standing

    def _settled(self, standing: StandingBy) -> None:
        if standing.moving:
            raise Refused("a failover was begun and is not finished; finish it with `nexus failover`")

    async def _carry_out(
        self,
        plan: Plan,
        actions: Mapping[str, Action],
        who: str,
        plan_only: bool,
        emit: Emit,
        stop: asyncio.Event,
    ) -> None:
        emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
        if plan_only:
            return

        def tell(event: StepEvent) -> None:
            emit(step_told(event))

        outcome = await execute(plan, actions, self._world.journal, who, tell, stop)
        emit(told(outcome))
