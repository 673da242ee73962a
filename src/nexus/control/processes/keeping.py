"""Keeping one instance: start it, probe it, start it again when it dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from nexus.control.processes.instance import Instance
from nexus.control.processes.last_words import last_words
from nexus.control.processes.places import free_port, fronted
from nexus.runtimes import ports
from nexus.runtimes.process.drivers import driver
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import LOOPBACK, Slot

if TYPE_CHECKING:
    from nexus.control.processes.supervisor import Supervisor

log = logging.getLogger("nexus.control")

PROBE_EVERY = 2.0
PROBE_STARTING_EVERY = 0.05
LATE = 0.02  # of the time that it takes: how much later than it is ready a slow start may be noticed
PROBE_FRESH_EVERY = 0.25
PROBE_DEGRADED_EVERY = 0.5
FRESH = 5.0  # seconds after it became ready in which it is watched more closely
START_LIMIT = 60.0
HUNG_AFTER = 3  # failed live probes in a row
STABLE_AFTER = 30.0  # seconds of life after which an end counts as the first again
LONGEST_PAUSE = 30.0


def back_off(failures: int) -> float:
    """Seconds to wait before start number `failures` + 1: none at first, then 0.25, 0.5, 1 ... 30."""
    return 0.0 if failures <= 1 else min(LONGEST_PAUSE, 0.25 * 2.0 ** (failures - 2))


class Keeping:
    """What keeps the supervisor's instances running, each in a task of its own."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def begin(self, instance: Instance) -> None:
        """From now on, the instance is kept."""
        if instance.task is None or instance.task.done():
            instance.task = asyncio.create_task(self._keep(instance), name=f"keep {instance.id}")

    async def leave(self, instance: Instance) -> None:
        """Stops keeping it; what runs goes on running."""
        if instance.task is not None:
            instance.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await instance.task
            instance.task = None

    async def _keep(self, instance: Instance) -> None:
        while instance.wanted or instance.running is not None:
            try:
                await self._live_once(instance)
            except Exception as error:  # whatever happens, the instance is kept
                log.exception("%s: keeping it met an error", instance.id)
                instance.failures += 1
                instance.why = f"{type(error).__name__}: {error}"
            if instance.wanted:
                await instance.pause(back_off(instance.failures))
        self._supervisor.forget(instance)

    async def _live_once(self, instance: Instance) -> None:
        """From the start of a process (unless it runs already) to its end."""
        if instance.running is None and not await self._launch(instance):
            return
        running = instance.running
        assert running is not None
        began = time.monotonic()
        probing = asyncio.create_task(self._probe(instance), name=f"probe {instance.id}")
        try:
            code = await self._supervisor.runtime.wait(running)
        finally:
            probing.cancel()
        lived = time.monotonic() - began
        instance.failures = 1 if lived > STABLE_AFTER else instance.failures + 1
        instance.restarts += 1
        how = "was ended" if code is None else f"ended with exit code {code}"
        log.warning("%s (pid %d) %s after %.1f s", instance.id, running.pid, how, lived)
        file = self._supervisor.site.home.log(instance.service.name)
        said = last_words(file, instance.id) if code else ""
        instance.ended(f"{how}{f' ({said})' if said else ''}; see {file}")

    async def _launch(self, instance: Instance) -> bool:
        supervisor, service = self._supervisor, instance.service
        try:
            site = supervisor.site
            taken = fronted(site.stack, service) and ports.state(LOOPBACK, instance.slot.port) != "free"
            if taken:
                instance.slot = Slot(instance.id, free_port(site, (each.slot for each in supervisor)))
            config = supervisor.config(service, instance.slot.port)
            launch = driver(service).prepare(supervisor.runtime, site, service, instance.slot, config)
            running = await supervisor.runtime.start(launch)
        except (StartError, OSError) as error:
            instance.failures += 1
            log.error("%s cannot be started: %s", instance.id, error)
            instance.ended(str(error))
            return False
        log.info(
            "%s started: pid %d, port %d, release %s", instance.id, running.pid, running.port, running.release
        )
        instance.started(running)
        return True

    async def _probe(self, instance: Instance) -> None:
        misses, began = 0, time.monotonic()
        while True:
            asked = time.monotonic()
            health = await self._supervisor.prober.health(instance.service, instance.slot.port)
            if health.ready:
                instance.ready()
            else:
                instance.unready(health.live, health.why)
            counts = instance.was_ready or asked - began > START_LIMIT
            misses = 0 if health.live or not counts else misses + 1
            if misses >= HUNG_AFTER and instance.running is not None:
                log.warning("%s hangs (%s): killed", instance.id, health.why)
                self._supervisor.runtime.kill(instance.running)
                return
            every = min(max(PROBE_STARTING_EVERY, (asked - began) * LATE), PROBE_EVERY)
            if instance.was_ready:
                fresh = time.time() - instance.since < FRESH
                every = PROBE_FRESH_EVERY if fresh else PROBE_EVERY
                every = every if health.ready or not health.live else PROBE_DEGRADED_EVERY
            await asyncio.sleep(max(every - (time.monotonic() - asked), PROBE_STARTING_EVERY))
