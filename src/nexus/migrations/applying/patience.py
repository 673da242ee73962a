"""How long to stay away before trying again, so that holders of locks end and nobody queues behind us."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.backends import Backend, still_there
from nexus.migrations.applying.faults import LOST

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

LONGEST = 15.0  # seconds
POLL = 0.1


def pause_after(tries: int, lock_timeout: float, chance: Callable[[], float] = random.random) -> float:
    """Seconds to stay away after so many tries: doubled each time, up to `LONGEST`, half to all of it by
    chance, so that two who try do not meet again and again.
    """
    longest = min(LONGEST, max(lock_timeout, 0.05) * 2.0 ** min(tries, 16))
    return longest * (0.5 + 0.5 * chance())


async def stay_away(session: Session, seconds: float, blockers: tuple[Backend, ...]) -> None:
    """Wait; return early when the transactions that we waited for have ended, or when asked to stop.

    It is looked at, not waited for in PostgreSQL: no lock request of ours stands in anybody's way meanwhile.
    """
    clock = asyncio.get_running_loop()
    until = clock.time() + seconds
    while (rest := until - clock.time()) > 0:
        if session.settings.stop():
            return
        await asyncio.sleep(min(POLL, rest))
        if blockers and not await _still_there(session, blockers):
            return


async def _still_there(session: Session, blockers: tuple[Backend, ...]) -> bool:
    """The same; while nobody can be looked at, they are taken to be there."""
    try:
        return await still_there(await session.watcher(), blockers)
    except (asyncpg.PostgresError, *LOST):
        await session.drop_watcher()
        return True
