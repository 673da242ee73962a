"""What operators ask of deployments: to begin, to stand still, to go on, to go back, and how they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from nexus.control.addresses import Refused
from nexus.control.deploying import ending
from nexus.control.deploying.building import Building
from nexus.control.deploying.conducting import Conducting
from nexus.control.deploying.intending import Intents
from nexus.control.deploying.reports import Reports, ended
from nexus.control.deploying.requests import (
    Asked,
    BuildRequest,
    DeployRequest,
    RollbackRequest,
    Steering,
)
from nexus.control.deploying.rollout import Rollout
from nexus.control.deploying.trail import Trail
from nexus.control.turn import Emit, Turn

if TYPE_CHECKING:
    from nexus.control.world import World
    from nexus.releases.records import Deployment


class Deploying:
    """The deployments of one stack."""

    def __init__(self, world: World, turn: Turn) -> None:
        self._world = world
        self._turn = turn
        self._building = Building(world)
        self._trail = Trail(world.home.database)
        self._intents = Intents(world, self._building)
        self._conducting = Conducting(world, turn, self._intents, self._trail)
        self._reports = Reports(world, self._trail)

    async def build(self, asked: BuildRequest) -> dict[str, Any]:
        """Makes releases; tells which were there already."""
        before = {(each.service, each.id) for each in self._world.catalogue.of()}
        made = await self._building.made(asked)
        return {
            "releases": [
                {**self._reports.release(each), "existed": (each.service, each.id) in before}
                for each in made.values()
            ]
        }

    async def deploy(self, asked: DeployRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Lets releases in; whoever asks for what is under way follows that."""
        await self._operate(asked, f"deploy of {', '.join(asked.services)}", emit, stop)

    async def rollback(self, asked: RollbackRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Takes the least back that makes the whole consistent."""
        await self._operate(asked, f"rollback of {', '.join(asked.services)}", emit, stop)

    async def follow(self, number: int, emit: Emit) -> None:
        """Tells what happens to a deployment until it has ended; of one that has, how it did.

        Raises:
            Refused: there is none of that number.
        """
        rollout = self._conducting.rollout
        if rollout is not None and rollout.id == number:
            await rollout.follow(emit)
            return
        found = next((each for each in self._world.catalogue.deployments(n=200) if each.id == number), None)
        if found is None:
            raise Refused(f"no deployment {number} is known; `nexus releases` lists them")
        if found.ended_at is not None:  # else it is about to be taken up: whoever follows asks again
            emit(ended(found))

    def status(self) -> dict[str, Any]:
        """The deployment that is under way, and the last one that ended."""
        return self._reports.status(self._conducting.rollout, self._turn.holder)

    def history(self, service: str | None) -> dict[str, Any]:
        """Releases, deployments, sets and the audit trail, of one service or all."""
        return self._reports.history(service)

    def pause(self, who: str) -> dict[str, Any]:
        """Lets the running step end, and everything stand still."""
        rollout = self._under_way()
        rollout.pause()
        self._world.catalogue.note(rollout.id, "paused", {})
        self._trail.add(who, "pause", tuple(rollout.request["services"]))
        rollout.tell({"event": "paused", "who": who})
        return {"id": rollout.id, "stands_still": True, "anew": False}

    def resume(self, who: str) -> dict[str, Any]:
        """Lets it go on; `anew` says whether that is to be asked of `go_on`, since it was held."""
        if self._conducting.rollout is None and (stuck := self._held()) is not None:
            return {"id": stuck.id, "stands_still": False, "anew": True}
        rollout = self._under_way()
        rollout.resume()
        self._world.catalogue.note(rollout.id, "running", {})
        self._trail.add(who, "resume", tuple(rollout.request["services"]))
        rollout.tell({"event": "resumed", "who": who})
        return {"id": rollout.id, "stands_still": False, "anew": False}

    async def go_on(self, asked: Steering, emit: Emit, stop: asyncio.Event) -> None:
        """Goes on with what was held, from where it is."""
        async with self._turn.taken(f"resume by {asked.who}", emit):
            stuck = self._held()
            if stuck is None:
                raise Refused("no deployment is held")
            self._trail.add(asked.who, "resume", stuck.services)
            await self._conducting.go_on(stuck, asked.who, emit)

    async def abort(self, asked: Steering, emit: Emit, stop: asyncio.Event) -> None:
        """Sends back what is under way, or what was held."""
        rollout = self._conducting.rollout
        if rollout is not None:
            self._trail.add(asked.who, "abort", tuple(rollout.request["services"]))
            rollout.abort(asked.who)
            await rollout.follow(emit)
            return
        async with self._turn.taken(f"abort by {asked.who}", emit):
            stuck = self._held()
            if stuck is None:
                raise Refused("nothing is being deployed")
            self._trail.add(asked.who, "abort", stuck.services)
            await self._conducting.send_back(stuck, asked.who, emit)

    async def take_up(self) -> None:
        """Goes on with what an earlier control loop left unfinished."""
        await self._conducting.take_up()

    async def interrupt(self) -> None:
        """Leaves what is under way to the next control loop; nothing is begun any more."""
        self._turn.close()
        await self._conducting.interrupt()

    def close(self) -> None:
        """Lets go of the files."""
        self._trail.close()

    async def _operate(self, asked: Asked, what: str, emit: Emit, stop: asyncio.Event) -> None:
        wish = asked.model_dump(mode="json", exclude={"who", "plan_only"})
        rollout = self._conducting.rollout
        if rollout is not None and rollout.request == wish and not asked.plan_only:
            emit({"event": "attached", "id": rollout.id})
            await rollout.follow(emit)
            return
        async with self._turn.taken(f"{what} by {asked.who}", emit):
            intent = await self._intents.of(asked)
            if asked.plan_only:
                emit({**intent.told(), "plan_only": True})
            elif stop.is_set():
                emit(ending.outcome(None, intent.kind, ending.withdrawn()))
            elif intent.plan.empty:
                emit(intent.told())
                emit(ending.outcome(None, intent.kind, ending.idle(intent.idle)))
            else:
                await self._conducting.begin(intent, asked.who, wish, emit)

    def _under_way(self) -> Rollout:
        if self._conducting.rollout is None:
            raise Refused("nothing is being deployed")
        return self._conducting.rollout

    def _held(self) -> Deployment | None:
        """The last deployment, when it was held."""
        latest = self._world.catalogue.deployments(n=1)
        return latest[0] if latest and latest[0].state == "held" else None
