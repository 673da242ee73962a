"""The stream's process: started, told what there is to do, and started again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable

from nexus.control.addresses import Refused
from nexus.control.migrating.sources import server_of
from nexus.control.secrets import ADMIN_URL
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site

log = logging.getLogger("nexus.control")

LOOK_EVERY = 5.0  # seconds between two looks at what it is to be told, unless somebody says that it changed
STABLE_AFTER = 30.0
LONGEST_PAUSE = 10.0
LAST_WORDS = 30.0  # seconds to seal and copy what it has received


def told(site: Site | None) -> Told | None:
    """What the stream of a stack is told; None where there is nothing to stream: no stack is known, or no
    module has a schema, or they have them in several servers.
    """
    if site is None:
        return None
    try:
        server = server_of(site.stack)
    except Refused:
        return None
    url = site.secret(server, ADMIN_URL)
    return Told(site.stack.root, url, site.stack.recovery) if url.exists() else None


class Streaming:
    """Keeps one stream alive. `told` says what it is told, None while there is nothing to stream."""

    def __init__(self, home: Home, told: Callable[[], Told | None]) -> None:
        self._home = home
        self._told = told
        self._changed = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The stream's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def begin(self) -> None:
        """Starts keeping it."""
        self._task = asyncio.create_task(self._keep(), name="keep the stream")

    def changed(self) -> None:
        """Says that it may have to be told something else."""
        self._changed.set()

    async def end(self) -> None:
        """Lets the stream seal what it has received, and ends it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._finish()

    async def _keep(self) -> None:
        failures = 0
        while True:
            if self._told() is None:
                await self._wait(LOOK_EVERY)
                continue
            began = time.monotonic()
            try:
                await self._live_once()
            except OSError as error:
                log.error("the stream cannot be started: %s", error)
            failures = 1 if time.monotonic() - began > STABLE_AFTER else failures + 1
            await asyncio.sleep(0.0 if failures <= 1 else min(LONGEST_PAUSE, 0.5 * 2.0 ** (failures - 2)))

    async def _live_once(self) -> None:
        """From the stream's start to its end, or until there is nothing to stream any more."""
        process = self._process = await self._start()
        log.info("stream started: pid %d", process.pid)
        ending = asyncio.create_task(process.wait(), name="wait for the stream")
        before: Told | None = None
        try:
            while not ending.done():
                now = self._told()
                if now is None:
                    await self._finish()
                    return
                if now != before:
                    await self._tell(process, now)
                    before = now
                await self._wait(LOOK_EVERY, ending)
        finally:
            ending.cancel()
        log.warning("the stream (pid %d) ended with exit code %s", process.pid, process.returncode)

    async def _start(self) -> asyncio.subprocess.Process:
        descriptor = os.open(self._home.log("control"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "nexus.recovery.streaming", str(self._home.root)),
                stdin=asyncio.subprocess.PIPE,
                stdout=descriptor,
                stderr=descriptor,
                cwd="/",
                env={**os.environ, "MALLOC_ARENA_MAX": "2"},
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    async def _tell(self, process: asyncio.subprocess.Process, told: Told) -> None:
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):  # it has just ended: the caller sees that next
            process.stdin.write(told.to_line().encode() + b"\n")
            await process.stdin.drain()

    async def _wait(self, seconds: float, ending: asyncio.Task[int] | None = None) -> None:
        """Returns when something changed, the stream has ended, or after `seconds`."""
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait(
                {changed, *([ending] if ending else [])},
                timeout=seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            changed.cancel()
        self._changed.clear()

    async def _finish(self) -> None:
        """Closes its stdin, which is how it learns that it must end."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(LAST_WORDS):
                await process.wait()
        except TimeoutError:
            log.warning("the stream (pid %d) does not end: killed", process.pid)
            process.kill()
            await process.wait()
