"""A process beside the control loop: started, told what there is, and started again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from nexus.runtimes.home import Home

log = logging.getLogger("nexus.control")

LOOK_EVERY = 5.0  # seconds between two looks at what there is, unless somebody says that it changed
STABLE_AFTER = 30.0


class Companion(ABC):
    """Keeps one process alive. `module` is run with the home and `arguments`; when those change, another one
    takes over. The end of its stdin is how it learns that it must end: it has `last_words` seconds for that.
    """

    name: str
    module: str
    environment: ClassVar[Mapping[str, str]] = {}
    longest_pause: float
    last_words: float

    def __init__(self, home: Home) -> None:
        self._home = home
        self._changed = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    def line(self) -> str | None:
        """What it is told, in one line; None while there is nothing for it to do."""

    def arguments(self) -> tuple[str, ...]:
        """Those of its command line beside the home; asked only while there is something to do."""
        return ()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def begin(self) -> None:
        """Starts keeping it."""
        self._task = asyncio.create_task(self._keep(), name=f"keep the {self.name}")

    def changed(self) -> None:
        """Says that it may have to be told something else."""
        self._changed.set()

    async def end(self) -> None:
        """Lets it finish what it has in hand, and ends it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._finish()

    async def _keep(self) -> None:
        failures = 0
        while True:
            if self.line() is None:
                await self._wait(LOOK_EVERY)
                continue
            began = time.monotonic()
            try:
                await self._live_once()
            except OSError as error:
                log.error("the %s cannot be started: %s", self.name, error)
            failures = 1 if time.monotonic() - began > STABLE_AFTER else failures + 1
            pause = min(self.longest_pause, 0.5 * 2.0 ** (failures - 2))
            await asyncio.sleep(0.0 if failures <= 1 else pause)

    async def _live_once(self) -> None:
        """From its start to its end, or until it must be another one, or none."""
        arguments = self.arguments()
        process = self._process = await self._start(arguments)
        log.info("%s started: pid %d", self.name, process.pid)
        ending = asyncio.create_task(process.wait(), name=f"wait for the {self.name}")
        before = ""
        try:
            while not ending.done():
                line = self.line()
                if line is None or self.arguments() != arguments:
                    await self._finish()
                    return
                if line != before:
                    await self._tell(process, line)
                    before = line
                await self._wait(LOOK_EVERY, ending)
        finally:
            ending.cancel()
        log.warning("the %s (pid %d) ended with exit code %s", self.name, process.pid, process.returncode)

    async def _start(self, arguments: tuple[str, ...]) -> asyncio.subprocess.Process:
        descriptor = os.open(self._home.log("control"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self.module, str(self._home.root), *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=descriptor,
                stderr=descriptor,
                cwd="/",
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    async def _tell(self, process: asyncio.subprocess.Process, line: str) -> None:
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):  # it has just ended: the caller sees that next
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()

    async def _wait(self, seconds: float, ending: asyncio.Task[int] | None = None) -> None:
        """Returns when something changed, it has ended, or after `seconds`."""
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
        """Closes its stdin, and waits for its end."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(self.last_words):
                await process.wait()
        except TimeoutError:
            log.warning("the %s (pid %d) does not end: killed", self.name, process.pid)
            process.kill()
            await process.wait()
