"""The collector of a stack's telemetry: started, told what there is, and started again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable

from nexus.runtimes.home import Home
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.control")

LOOK_EVERY = 5.0  # seconds between two looks at what there is, unless somebody says that it changed
STABLE_AFTER = 30.0
LONGEST_PAUSE = 30.0
LAST_WORDS = 8.0  # seconds to write down what is still to be read
# Memory goes back to the system: few arenas for its few threads, and Arrow's allocations from them too.
FRUGAL = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


class Collecting:
    """Keeps one collector alive. `targets` says what there is, None while no stack is known; `arguments` are
    those of its command line beside the home: when they change, another one takes over.
    """

    def __init__(
        self, home: Home, targets: Callable[[], Targets | None], arguments: Callable[[], tuple[str, ...]]
    ) -> None:
        self._home = home
        self._targets = targets
        self._arguments = arguments
        self._changed = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The collector's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def begin(self) -> None:
        """Starts keeping it."""
        self._task = asyncio.create_task(self._keep(), name="keep the collector")

    def changed(self) -> None:
        """Says that there may be something else to collect from."""
        self._changed.set()

    async def end(self) -> None:
        """Lets the collector write down what it still has to, and ends it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._finish()

    def forget(self) -> None:
        """Removes everything it kept."""
        shutil.rmtree(self._home.telemetry, ignore_errors=True)

    async def _keep(self) -> None:
        failures = 0
        while True:
            targets = self._targets()
            if targets is None:
                await self._wait(LOOK_EVERY)
                continue
            began = time.monotonic()
            try:
                await self._live_once()
            except OSError as error:
                log.error("the collector cannot be started: %s", error)
            lived = time.monotonic() - began
            failures = 1 if lived > STABLE_AFTER else failures + 1
            await asyncio.sleep(0.0 if failures <= 1 else min(LONGEST_PAUSE, 0.5 * 2.0 ** (failures - 2)))

    async def _live_once(self) -> None:
        """From the collector's start to its end, or until it must be another one."""
        arguments = self._arguments()
        descriptor = os.open(self._home.log("control"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "nexus.control.collector", str(self._home.root), *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=descriptor,
                stderr=descriptor,
                cwd="/",
                env={**os.environ, **FRUGAL},
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        log.info("collector started: pid %d", process.pid)
        ending = asyncio.create_task(process.wait(), name="wait for the collector")
        told = ""
        try:
            while not ending.done():
                targets = self._targets()
                if targets is None or self._arguments() != arguments:
                    await self._finish()
                    return
                line = targets.to_line()
                if line != told:
                    await self._tell(process, line)
                    told = line
                await self._wait(LOOK_EVERY, ending)
        finally:
            ending.cancel()
        log.warning("the collector (pid %d) ended with exit code %s", process.pid, process.returncode)

    async def _tell(self, process: asyncio.subprocess.Process, line: str) -> None:
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):  # it has just ended: the caller sees that next
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()

    async def _wait(self, seconds: float, ending: asyncio.Task[int] | None = None) -> None:
        """Returns when something changed, the collector has ended, or after `seconds`."""
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
            log.warning("the collector (pid %d) does not end: killed", process.pid)
            process.kill()
            await process.wait()
