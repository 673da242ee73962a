"""Serving a module: uvicorn on uvloop, and an end without lost requests."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from uvicorn.config import Config
from uvicorn.server import Server

from nexus_kit.logs import log

if TYPE_CHECKING:
    from nexus_kit.module import Module

LINGER_S = 0.3
CLOSE_S = 1  # for connections that are still open after the drain


class _Server(Server):
    """SIGTERM: not ready at once, stop taking events, finish what runs, then close."""

    def __init__(self, config: Config, module: Module) -> None:
        super().__init__(config)
        self._module = module
        self._leaving: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave at the first signal; a second one leaves at once."""
        if self._leaving is not None:
            self.should_exit = True
            return
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        if self._leaving is None:
            self._leaving = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._module.settings.drain
        try:
            drained = asyncio.ensure_future(self._module.drain())
            await asyncio.sleep(LINGER_S)  # let the balancer's probes see it; requests are still answered
            await asyncio.wait({drained}, timeout=max(until - loop.time(), 0))
            if drained.done() and (error := drained.exception()) is not None:
                log.error("the module did not let go of its events", exc_info=error)
            while self._module.app.state.in_flight and loop.time() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        finally:
            self.should_exit = True


def serve(module: Module) -> None:
    """Run the module until it is told to stop. Exits with 1 when the port cannot be used."""
    settings = module.settings
    config = Config(
        module.app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=CLOSE_S,
        backlog=2048,
    )
    server = _Server(config, module)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    try:
        server.run()
    except KeyboardInterrupt:
        log.info("interrupted")
    if not server.started:
        log.error("cannot listen", extra={"host": settings.host, "port": settings.port})
        sys.exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.exit(0)
