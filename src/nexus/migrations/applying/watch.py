"""Watching a statement from a second connection: whom it waits for, and who waits for it.

Statements that are over at once are never looked at. Others are looked at every `LOOK` seconds; when somebody
has waited for us for longer than is allowed, our statement is cancelled: they go first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.backends import Backend, look
from nexus.migrations.applying.faults import LOST
from nexus.migrations.applying.later import Later
from nexus.migrations.applying.progress import telling_progress

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

LAZY = 0.02  # seconds before the first look
LOOK = 0.04
BLIND = 1.0  # seconds until a connection that failed is tried again


class Watch:
    """What is seen while something runs. `line` and `head` tell what runs, `since` when; `at` moves them.

    `blockers`: whom we waited for when it was last looked. `waiters`: who waited when we gave way.
    `blind`: why nobody could be looked for.
    """

    def __init__(self, session: Session, gives_way: bool = True) -> None:
        self.line, self.head, self.since = 0, "", 0.0
        self.blockers: tuple[Backend, ...] = ()
        self.waiters: tuple[Backend, ...] = ()
        self.blind = ""
        self._session, self.gives_way = session, gives_way
        self._over = asyncio.Event()

    @property
    def gave_way(self) -> bool:
        """Whether our statement was cancelled for the sake of others."""
        return bool(self.waiters)

    def at(self, line: int, head: str) -> None:
        """From now on this statement runs."""
        self.line, self.head, self.since = line, head, asyncio.get_running_loop().time()

    def end(self) -> None:
        """Nothing runs any more."""
        self._over.set()

    async def look_on(self) -> None:
        """Look until `end` is called."""
        pause = 0.0
        while not await self._ends_within(pause):
            try:
                await self._look()
                pause = LOOK
            except (asyncpg.PostgresError, *LOST) as error:
                self.blind, pause = f"{type(error).__name__}: {error}", BLIND
                await self._session.drop_watcher()

    async def _look(self) -> None:
        watcher, pid = await self._session.watcher(), self._session.pid
        blockers, waiters = await look(watcher, pid)
        if blockers:
            self.blockers = blockers
        late = tuple(each for each in waiters if each.waited > self._session.max_block)
        if late and self.gives_way and not self._over.is_set():
            self.waiters = waiters
            await watcher.execute("SELECT pg_cancel_backend($1)", pid)

    async def _ends_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def watching(session: Session, gives_way: bool = True) -> AsyncIterator[Watch]:
    """Watch what runs within, and tell how far it is. Afterwards no cancellation is under way any more."""
    watch = Watch(session, gives_way)
    looking = Later(LAZY, watch.look_on)
    try:
        async with telling_progress(session, watch):
            yield watch
    finally:
        watch.end()
        await looking.over()
