"""The collector itself: its parts, what it is told, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiohttp import web

from nexus.business.figures import Figures
from nexus.business.objectives import Objectives
from nexus.business.probes import Probes
from nexus.control.collector.api import application
from nexus.control.collector.outside import outside
from nexus.runtimes.home import Home
from nexus.runtimes.site import LOOPBACK
from nexus.telemetry.intake import Intake
from nexus.telemetry.otlp import Forwarder, Puller, Receiver
from nexus.telemetry.scrape.scraper import Scraper
from nexus.telemetry.store import Store
from nexus.telemetry.store.policy import Policy, keeping
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.telemetry")

TEND_EVERY = 60.0
FORWARD_HEADERS = "otlp_headers"  # a secret file: what the endpoint wants to be told, a header a line
LONGEST_LINE = 16 << 20
PAUSE_AFTER_FAULT = 5.0


class Part(Protocol):
    """What runs inside the collector as long as it lives."""

    def aim(self, targets: Targets) -> None:
        """From now on, this is what there is."""

    async def run(self) -> None:
        """Lives until cancelled."""

    def facts(self) -> Mapping[str, Any]:
        """What it does and what hinders it."""


class Collector:
    """All parts of telemetry around one store. `port` on 127.0.0.1 takes OTLP in and Prometheus scrapes it;
    `forward` is an OTLP/HTTP endpoint that everything is sent to as well ("" for none). `keep`: see
    `nexus.telemetry.store.policy.keeping`.
    """

    def __init__(
        self, home: Home, port: int, forward: str = "", keep: Mapping[str, Mapping[str, float]] | None = None
    ) -> None:
        self.home = home
        self.port = port
        self.targets: Targets | None = None
        self.store = Store(home.telemetry, Policy(keep=keeping(keep or {})))
        self.intake = Intake(self.store)
        self.scraper = Scraper(self.store)
        self.receiver = Receiver(self.store)
        self.puller = Puller(self.store)
        self.figures = Figures(self.store)
        self.objectives = Objectives(self.store, self.figures)
        self.probes = Probes(self.store)
        headers = home.secret("telemetry", FORWARD_HEADERS)
        self.forwarder = Forwarder(self.store, forward, headers) if forward else None
        self._parts: dict[str, Part] = {
            "logs": self.intake,
            "metrics": self.scraper,
            "spans": self.receiver,
            "agent": self.puller,
            "figures": self.figures,
            "objectives": self.objectives,
            "probes": self.probes,
            **({"forwarding": self.forwarder} if self.forwarder else {}),
        }

    def facts(self) -> dict[str, Any]:
        """What every part says of itself."""
        return {name: dict(part.facts()) for name, part in self._parts.items()}

    async def run(self) -> None:
        """Collects until stdin is closed; then writes down what is still to be read."""
        runners = [await self._serve_inside(), await self._serve_outside()]
        running = [
            asyncio.create_task(_kept(name, part.run), name=f"telemetry: {name}")
            for name, part in self._parts.items()
        ]
        running.append(asyncio.create_task(_kept("upkeep", self._tend), name="telemetry: upkeep"))
        log.info("collector %d keeps %s", os.getpid(), self.home.telemetry)
        try:
            await self._listen()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for runner in runners:
                await runner.cleanup()
            await asyncio.to_thread(self.store.close)
            self.home.telemetry_socket.unlink(missing_ok=True)
        log.info("collector %d ends", os.getpid())

    async def _listen(self) -> None:
        """Takes in what the control loop tells, until it says no more."""
        reader = asyncio.StreamReader(limit=LONGEST_LINE)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            self.targets = targets = Targets.from_line(line.decode())
            for name, part in self._parts.items():
                try:
                    part.aim(targets)
                except Exception:  # the others go on
                    log.exception("%s: cannot aim at what there is now", name)

    async def _tend(self) -> None:
        while True:
            for sentence in await asyncio.to_thread(self.store.tend):
                log.info("%s", sentence)
            await asyncio.sleep(TEND_EVERY)

    async def _serve_inside(self) -> web.AppRunner:
        """For the control loop: on a Unix socket that only the stack's owner can open."""
        runner = web.AppRunner(application(self), access_log=None, handle_signals=False)
        await runner.setup()
        self.home.telemetry_socket.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            await web.UnixSite(runner, str(self.home.telemetry_socket)).start()
        finally:
            os.umask(before)
        return runner

    async def _serve_outside(self) -> web.AppRunner:
        """For the modules' spans and for Prometheus; without it everything else goes on."""
        runner = web.AppRunner(outside(self), access_log=None, handle_signals=False, auto_decompress=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, self.port, reuse_address=True).start()
        except OSError as error:
            log.error("port %d cannot be used, no spans are taken in: %s", self.port, error)
        return runner


async def _kept(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Runs a part again when it meets what it did not expect."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("%s: met an error, goes on in %g s", name, PAUSE_AFTER_FAULT)
        await asyncio.sleep(PAUSE_AFTER_FAULT)
