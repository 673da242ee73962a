"""The archive: streams every commit of one server away, until nobody tells it anything any more."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from nexus.recovery.errors import RecoveryError
from nexus.recovery.streaming import reporting, rooms
from nexus.recovery.streaming.session import Session
from nexus.recovery.streaming.standing import Standing
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home

log = logging.getLogger("nexus.recovery")

PAUSE = 5.0  # seconds until a session that could not begin is tried again


class Archive:
    """Of the stack in `home`. It does what the last line says that it was told (`tell`)."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._standing = Standing(home)
        self._told: Told | None = None
        self._changed = asyncio.Event()
        self._ending = False

    def tell(self, told: Told) -> None:
        """From now on, this is what there is to do."""
        if told != self._told:
            self._told = told
            self._changed.set()

    def end(self) -> None:
        """Has `run` end: all that was received is sealed, and commits do not wait for what will not come."""
        self._ending = True
        self._changed.set()

    async def run(self) -> None:
        """Streams until `end`."""
        rooms.root(self._home)
        while not self._ending:
            if self._told is None:
                await self._change()
                continue
            self._changed.clear()
            try:
                session = Session(self._home, self._told, self._standing)
            except (RecoveryError, OSError) as error:
                log.error("the stream cannot begin: %s", error)
                await self._change(PAUSE)
                continue
            await self._live(session)

    async def _live(self, session: Session) -> None:
        """From a session's start until it is told something else."""
        living = asyncio.create_task(session.run(), name="stream")
        changing = asyncio.create_task(self._change(), name="wait to be told")
        await asyncio.wait({living, changing}, return_when=asyncio.FIRST_COMPLETED)
        for each in (living, changing):
            each.cancel()
        failed, _ = await asyncio.gather(living, changing, return_exceptions=True)
        if isinstance(failed, Exception):
            log.error("the stream failed", exc_info=failed)
        await session.end(leaves=self._ending)
        if self._ending:
            reporting.status(session, self._home, "ended").write(rooms.status(self._home))

    async def _change(self, within: float | None = None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._changed.wait()
