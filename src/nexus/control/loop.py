"""The control loop: one process that keeps a stack as it should be until it is taken down."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal

from aiohttp import web

from nexus.control import launch, locks
from nexus.control.api import Api
from nexus.control.deploying.suspects import Suspects
from nexus.control.merging.comparing import clear_beside, clear_forgotten
from nexus.control.rehearsing.commands import clear_abandoned
from nexus.control.world import World
from nexus.runtimes.home import Home
from nexus.runtimes.process.identity import birth
from nexus.runtimes.process.watch import ended

log = logging.getLogger("nexus.control")

GUARD_EVERY = 1.0
TEND_EVERY = 60.0


async def run(home: Home) -> None:
    """Serves the API and keeps the stack until `down`.

    SIGTERM ends it and its guard, but leaves services running; the next command takes them up again.
    """
    loop = asyncio.get_running_loop()
    world = World(home)
    _close_unfinished(world)
    api = Api(world)
    runner = web.AppRunner(api.application(), access_log=None, handle_signals=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, world.ending.set)
    chores = [asyncio.create_task(_keep_guard(home)), asyncio.create_task(_tend(world))]
    try:
        await world.recall()
        await api.standbys.take_up()
        world.collecting.begin()
        world.streaming.begin()
        chores.append(asyncio.create_task(api.standbys.watch_for_ever()))
        chores.append(asyncio.create_task(api.deploying.take_up_for_ever()))
        chores.append(asyncio.create_task(_clear_rehearsals(world)))
        chores.append(asyncio.create_task(api.recovering.keep_for_ever()))
        chores.append(asyncio.create_task(Suspects(world).look_for_ever()))
        await _listen(runner, home)
        log.info("control loop %d serves %s", os.getpid(), home.root)
        waits = {asyncio.create_task(event.wait()) for event in (world.ending, world.leaving)}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if world.ending.is_set():
            home.keep.unlink(missing_ok=True)
        await api.deploying.interrupt()
        await api.migrating.interrupt()
        await api.restoring.interrupt()
        await api.merging.interrupt()
        await api.recovering.interrupt()
        await api.finished()
    finally:
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await runner.cleanup()
        await api.standbys.close()
        await world.streaming.end()
        await world.collecting.end()
        api.deploying.close()
        api.migrating.close()
        api.restoring.close()
        api.merging.close()
        api.recovering.close()
        if world.ending.is_set() and world.forgotten:
            world.collecting.forget()
        await world.close()
        home.socket.unlink(missing_ok=True)
    log.info("control loop %d ends", os.getpid())


def raise_limits() -> None:
    """Lets proxies and databases open as many files as the system allows us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _listen(runner: web.AppRunner, home: Home) -> None:
    home.socket.unlink(missing_ok=True)
    await runner.setup()
    before = os.umask(0o177)
    try:
        await web.UnixSite(runner, str(home.socket)).start()
    finally:
        os.umask(before)


def _close_unfinished(world: World) -> None:
    """Runs that a killed control loop did not finish are told as what they are."""
    for run in world.journal.unfinished():
        done = sum(1 for step in run.steps if step.ok)
        total = len(run.plan.get("steps", ()))
        sentence = f"interrupted after {done} of {total} steps: the control loop was killed"
        world.journal.finish(run.id, "interrupted", sentence)


async def _clear_rehearsals(world: World) -> None:
    """Ends what killed rehearsals left running: a copy of all data, or a whole stack on it."""
    root = world.site.stack.root if world.site is not None else world.home.root
    cleared = await clear_abandoned(world.home.root / "rehearsals", root)
    if cleared:
        log.info("%d rehearsals that had been killed were cleared away", cleared)
    await asyncio.to_thread(clear_forgotten, world.home)
    cleared = await clear_beside(world.home)
    if cleared:
        log.info("%d comparisons that had been killed were cleared away", cleared)


async def _keep_guard(home: Home) -> None:
    """Starts another guard as soon as the present one dies."""
    while True:
        guard = locks.owner(home.guard_lock)
        if guard is None:
            if home.keep.exists():
                log.info("no guard: starting one")
                launch.start_guard(home)
        else:
            born = birth(guard)
            if born is not None:
                await ended(guard, born)
                continue
        await asyncio.sleep(GUARD_EVERY)


async def _tend(world: World) -> None:
    """Has the stack tended for ever, whatever one time meets."""
    while True:
        await asyncio.sleep(TEND_EVERY)
        try:
            await world.keeper.tend()
            await asyncio.to_thread(clear_forgotten, world.home)
        except Exception:
            log.exception("tending the stack failed; it is tried again in %g s", TEND_EVERY)
