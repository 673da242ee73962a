"""Up, down and restart: each reads facts, plans, executes, and reports the outcome as it is."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.control import secrets
from nexus.control.addresses import Refused, addresses, planned, shown
from nexus.control.as_run import as_run
from nexus.control.chosen import chosen_before, chosen_stack
from nexus.control.keeper import RuntimeName
from nexus.control.plan_down import plan_delete_backups, plan_down
from nexus.control.plan_restart import plan_restart
from nexus.control.plan_up import plan_up
from nexus.control.progress import migrations_told, step_told
from nexus.control.recovering.deleting import delete_recovery
from nexus.control.release_steps import Releasing
from nexus.control.releasing import FIRST, after_first_releases, released
from nexus.control.turn import Emit, Turn
from nexus.plans import Outcome, Plan, Step, StepEvent, execute
from nexus.recovery.places.opening import local_folder
from nexus.stack import ManifestError, Stack, load_stack
from nexus.stack.names import TELEMETRY

if TYPE_CHECKING:
    from nexus.control.world import World

log = logging.getLogger("nexus.control")


@dataclass(frozen=True)
class UpRequest:
    """What the operator asked `up` for; None means: as remembered."""

    root: Path
    who: str
    runtime: RuntimeName | None = None
    registry: str | None = None
    offset: int | None = None
    only: tuple[str, ...] | None = None
    forward: str | None = None
    plan_only: bool = False


@dataclass(frozen=True)
class DownRequest:
    """What the operator asked `down` for. `delete_backups`: this machine's, and the keys to all, too."""

    who: str
    delete_data: bool = False
    delete_backups: bool = False
    plan_only: bool = False


class Operations:
    """Changes to one stack; a lease lets only one happen at a time.

    `came_up` is called when an `up` has ended, `goes_down` before a `down` stops anything.
    """

    def __init__(
        self,
        world: World,
        turn: Turn,
        came_up: Callable[[], None],
        goes_down: Callable[[], Awaitable[None]],
    ) -> None:
        self._world = world
        self._turn = turn
        self._came_up = came_up
        self._goes_down = goes_down

    async def up(self, request: UpRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Brings the stack up; tells its progress to `emit`."""
        async with self._turn.taken(f"up by {request.who}", emit):
            sources, offset = await desired(self._world, request)
            keeper = self._world.trial(request.runtime, request.registry) if request.plan_only else None
            keeper = keeper or self._world.keeper
            if not request.plan_only and keeper.complete(sources):
                sources, offset = await desired(self._world, request)
            stack = self._world.released(sources)
            there = self._world.site_of(stack, planned(stack, offset), keeper)
            with self._registry(request):
                await keeper.check(there)
            ours = {**keeper.ours(there), **self._world.telemetry_port(offset)}
            found = addresses(stack, offset, ours, by_engine=there.contained)
            site = self._world.site_of(stack, dict(found.ports), keeper)
            facts = await keeper.observe(site, found.notes)
            plan = plan_up(stack, facts, released(sources, self._world.standing(sources)))
            emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
            if request.plan_only:
                return
            kept = self._world.site  # others may have started it, for example Compose
            if not plan.empty or kept is None or kept.stack != site.stack:
                for name in (*(service.name for service in stack.services), TELEMETRY):
                    if facts.of(name):
                        self._world.wanted.add(name)
                self._remember(request, offset)
                await self._world.settle(site)
            if request.forward is not None:
                self._world.register.set("forward", request.forward)
            self._world.collecting.changed()
            outcome = await self._execute(plan, sources, request.who, emit, stop)
            if outcome.exit_code == 0:
                self._judge_first_set()
            self._report(outcome, emit)
        self._came_up()

    async def down(self, request: DownRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Takes the stack down."""
        async with self._turn.taken(f"down by {request.who}", emit, halfway=True):
            site = self._world.site
            if site is None and self._world.wanted.names:
                raise Refused(
                    "the stack that runs is not known any more; `nexus up` takes it up again, then take it "
                    "down"
                )
            if site is None:
                await self._delete_backups(request, emit, stop)
                return
            if not request.plan_only:
                await self._give_up_what_keeps_ending()
            facts = await self._world.keeper.running()
            backups = local_folder(self._world.home)
            kept = "" if request.delete_backups or not backups.exists() else str(backups)
            plan = plan_down(site.stack, facts, request.delete_data, kept)
            emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
            if request.plan_only:
                return
            await self._goes_down()
            self._report(await self._execute(plan, site.stack, request.who, emit, stop), emit)

    async def _delete_backups(self, request: DownRequest, emit: Emit, stop: asyncio.Event) -> None:
        """What an earlier `down` has left, where it is to go now, too."""
        home = self._world.home
        plan = (
            plan_delete_backups(str(local_folder(home))) if request.delete_backups else Plan("nothing runs")
        )
        if not local_folder(home).exists() or plan.empty:
            emit({"event": "outcome", "state": "nothing to do", "sentence": "nothing runs", "exit_code": 0})
            return
        emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
        if request.plan_only:
            return

        async def delete(step: Step) -> None:
            await asyncio.to_thread(delete_recovery, home, False)

        def tell(event: StepEvent) -> None:
            emit(step_told(event))

        actions = {step.action: delete for step in plan.steps}
        ended = await execute(plan, actions, self._world.journal, request.who, tell, stop)
        sentence, code = ended.sentence(), ended.exit_code
        emit({"event": "outcome", "state": ended.state, "sentence": sentence, "exit_code": code})

    async def restart(self, who: str, names: Sequence[str], emit: Emit, stop: asyncio.Event) -> None:
        """Replaces the instances of services by ones of their stable releases."""
        async with self._turn.taken(f"restart by {who}", emit):
            kept = self._world.site
            if kept is None:
                raise Refused("nothing runs; start with `nexus up`")
            sources = self._sources(kept.stack)
            unknown = [name for name in names if not sources.has(name)]
            if unknown:
                known = ", ".join(service.name for service in sources.services)
                raise Refused(f"no service {', '.join(unknown)}; there are: {known}")
            told = released(sources, self._world.standing(sources), names)
            stack = self._world.released(sources)
            site = self._world.site_of(stack, dict(kept.ports))
            plan = plan_restart(stack, names, who, await self._world.keeper.unbuilt(site, names))
            plan = after_first_releases(plan, stack, told)
            await self._world.settle(site)
            emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
            self._report(await self._execute(plan, sources, who, emit, stop), emit)

    def _sources(self, kept: Stack) -> Stack:
        """What the folders of a stack hold now; the stack itself where that cannot be read."""
        try:
            sources = load_stack(kept.root)
            if self._world.keeper.complete(sources):
                sources = load_stack(kept.root)
            sources = sources.subset([service.name for service in kept.services])
            return as_run(sources, self._world.keeper.runtime)
        except ManifestError as error:
            log.warning("the manifests cannot be read, what runs goes on as it was: %s", error)
            return kept

    def _judge_first_set(self) -> None:
        """The first releases are healthy when the whole stack was up with them."""
        for latest in self._world.catalogue.sets(1):
            if latest.cause == FIRST and latest.healthy is None:
                self._world.catalogue.judge_set(latest.number, healthy=True)

    async def _give_up_what_keeps_ending(self) -> None:
        """Services that are wanted but do not run have no step in a plan that takes the stack down."""
        facts = await self._world.keeper.running()
        for name in self._world.wanted.names:
            if not facts.of(name):
                self._world.wanted.remove(name)
                await self._world.keeper.give_up(name)

    @contextmanager
    def _registry(self, request: UpRequest) -> Iterator[None]:
        """Remembers the registry that was asked for, unless the block refuses it or only plans with it."""
        register = self._world.register
        before = register.get("registry")
        if request.registry is not None and not request.plan_only:
            register.set("registry", request.registry.rstrip("/"))
        try:
            yield
        except Refused:
            register.set("registry", before)
            raise

    def _remember(self, request: UpRequest, offset: int) -> None:
        self._world.register.set("offset", str(offset))
        if request.only is not None:
            self._world.register.set("only", json.dumps(request.only))

    async def _execute(
        self, plan: Plan, sources: Stack, who: str, emit: Emit, stop: asyncio.Event
    ) -> Outcome:
        if plan.empty:
            return Outcome("nothing to do", 0)

        def tell(event: StepEvent) -> None:
            emit(step_told(event))

        async with self._world.keeper.at_work():
            actions = Releasing(self._world, sources, who).actions()
            with migrations_told(self._world.listeners, emit):
                return await execute(plan, actions, self._world.journal, who, tell, stop)

    def _report(self, outcome: Outcome, emit: Emit) -> None:
        site = self._world.site
        assert site is not None
        services = {service.name: service for service in site.stack.services}
        emit(
            {
                "event": "outcome",
                "state": outcome.state,
                "sentence": outcome.sentence(),
                "exit_code": outcome.exit_code,
                "status": self._world.status(),
                "addresses": {name: shown(s, site.ports[name]) for name, s in services.items()},
                "titles": {name: dict(s.title) for name, s in services.items()},
                "login": self._login(),
            }
        )

    def _login(self) -> dict[str, str] | None:
        home = self._world.home
        email = secrets.admin_email(home)
        return {"email": email, "password_file": str(home.admin_password)} if email else None


async def desired(world: World, request: UpRequest) -> tuple[Stack, int]:
    """What the folders of the stack that should run hold, and how far its ports are moved; chooses the keeper
    of its runtime.

    Raises:
        Refused: the manifests are wrong, or the stack already runs elsewhere.
    """
    kept = world.register.get("offset")
    running = world.keeper.busy or bool(world.wanted.names)  # an engine that is away tells nothing
    if request.runtime is not None and request.runtime != world.keeper.runtime:
        if running:
            raise Refused(
                f"this stack runs on {world.keeper.runtime}; take it down before moving it to "
                f"{request.runtime}"
            )
        if not request.plan_only:
            await world.choose(request.runtime)
    if running and kept and request.offset is not None and int(kept) != request.offset:
        raise Refused(
            f"this stack runs with port offset {kept}; take it down before moving it to {request.offset}"
        )
    if running and world.site is not None and world.site.stack.root != request.root.resolve():
        raise Refused(
            f"{world.home.root} belongs to the stack in {world.site.stack.root}, which runs; "
            "set NEXUS_HOME to another folder"
        )
    offset = request.offset if request.offset is not None else int(kept or 0)
    only = request.only if request.only is not None else chosen_before(world.register)
    return as_run(chosen_stack(request.root, only), request.runtime or world.keeper.runtime), offset
