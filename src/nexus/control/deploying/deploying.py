"""What operators ask of deployments: to begin, to stand still, to go on, to go back, and how they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from nexus.control.addresses import Refused
from nexus.control.deploying import ending
from nexus.control.deploying.building import Building
from nexus.control.deploying.conducting import Conducting
from nexus.control.deploying.intending import Intents
from nexus.control.deploying.left_open import beside, left_open
from nexus.control.deploying.reports import Reports, ended
from nexus.control.deploying.requests import (
    Asked,
    BuildRequest,
    DeployRequest,
    RollbackRequest,
    Steering,
)
from nexus.control.deploying.rollout import Rollout
from nexus.control.deploying.taking_up import TakingUp
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
        self._conducting = Conducting(world, self._intents, self._trail)
        self._taking_up = TakingUp(world, turn, self._conducting)
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
        """The deployment that is under way, the last one that ended, and those that were left half way."""
        return self._reports.status(self._conducting.rollout, self._turn.holder, self._open())

    def history(self, service: str | None) -> dict[str, Any]:
        """Releases, deployments, sets and the audit trail, of one service or all."""
        return self._reports.history(service)

    def pause(self, who: str) -> dict[str, Any]:
        """Lets the running step end, and everything stand still."""
        rollout = self._going_forward()
        self._world.catalogue.note(rollout.id, "paused", {})
        rollout.pause()
        self._trail.add(who, "pause", tuple(rollout.request["services"]))
        rollout.tell({"event": "paused", "who": who})
        return {"id": rollout.id, "stands_still": True, "anew": False}

    def resume(self, who: str) -> dict[str, Any]:
        """Lets it go on; `anew` says whether that is to be asked of `go_on`, since it was held."""
        if stuck := self._open():
            return {"id": stuck[0].id, "stands_still": False, "anew": True}
        rollout = self._going_forward()
        self._world.catalogue.note(rollout.id, "running", {})
        rollout.resume()
        self._trail.add(who, "resume", tuple(rollout.request["services"]))
        rollout.tell({"event": "resumed", "who": who})
        return {"id": rollout.id, "stands_still": False, "anew": False}

    async def go_on(self, asked: Steering, emit: Emit, stop: asyncio.Event) -> None:
        """Goes on with what was held, from where it is."""
        async with self._turn.taken(f"resume by {asked.who}", emit):
            stuck = self._open()
            if not stuck:
                raise Refused("no deployment is held")
            self._trail.add(asked.who, "resume", stuck[0].services)
            await self._conducting.go_on(stuck[0], asked.who, emit)

    async def abort(self, asked: Steering, emit: Emit, stop: asyncio.Event) -> None:
        """Sends back what is under way, or what was held."""
        rollout = self._conducting.rollout
        if rollout is not None:
            if not rollout.returning:
                self._abort(rollout, asked.who)
            await rollout.follow(emit)
            return
        async with self._turn.taken(f"abort by {asked.who}", emit):
            stuck = self._open()
            if not stuck:
                raise Refused("nothing is being deployed")
            self._trail.add(asked.who, "abort", stuck[0].services)
            await self._conducting.send_back(stuck[0], asked.who, emit)

    async def take_up_for_ever(self) -> None:
        """Goes on with what was left unfinished, until it is cancelled."""
        await self._taking_up.for_ever()

    def wake(self) -> None:
        """The stack is up: what is unfinished may go on now."""
        self._taking_up.wake()

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
        if rollout is not None and not asked.plan_only and await self._same(rollout, asked, wish):
            emit({"event": "attached", "id": rollout.id})
            await rollout.follow(emit)
            return
        async with self._turn.taken(f"{what} by {asked.who}", emit):
            if isinstance(asked, DeployRequest) and (
                why := beside(self._open(), self._world.candidates.all(), asked.services)
            ):
                raise Refused(why)
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

    async def _same(self, rollout: Rollout, asked: Asked, wish: dict[str, Any]) -> bool:
        """Whether what is asked for is what is under way: the same request, and the same content."""
        if rollout.request != wish:
            return False
        if isinstance(asked, DeployRequest):
            meant = await self._building.meant(asked)
            return rollout.after == {name: each.id for name, each in meant.items()}
        return True

    def _abort(self, rollout: Rollout, who: str) -> None:
        """What is to go back is recorded so first, else another control loop would go forward with it."""
        self._world.catalogue.note(rollout.id, "returning", {"cause": f"aborted by {who}"})
        self._trail.add(who, "abort", tuple(rollout.request["services"]))
        rollout.abort(who)

    def _going_forward(self) -> Rollout:
        rollout = self._conducting.rollout
        if rollout is None:
            raise Refused("nothing is being deployed")
        if rollout.returning:
            raise Refused(f"deployment {rollout.id} goes back already, and nothing stops that")
        return rollout

    def _open(self) -> tuple[Deployment, ...]:
        """Those that went neither forward nor back to their end, newest first; none while one goes on."""
        if self._conducting.rollout is not None:
            return ()
        world = self._world
        return left_open(world.catalogue.deployments(n=200), world.catalogue.stable(), world.candidates.all())
