"""Trying again what others stood in the way of, without standing in theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from nexus.migrations.applying.backends import Backend, spoken
from nexus.migrations.applying.patience import pause_after, stay_away
from nexus.migrations.applying.watch import Watch, watching
from nexus.migrations.errors import MigrationBlocked, MigrationStopped

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

DEADLOCK, SERIALIZATION = "40P01", "40001"
LOCKED, CANCELED = "55P03", "57014"
T = TypeVar("T")


async def retry(
    session: Session,
    work: Callable[[Watch], Awaitable[T]],
    line: int = 0,
    head: str = "",
    gives_way: bool = True,
) -> T:
    """What `work` returns, once nobody stood in its way. It is called again after a lock that could not be
    had within the lock_timeout, a deadlock, a serialization error, and when others waited for us for too
    long; what it had open is rolled back before.

    `line`, `head`: the statement, until `work` says `watch.at`. `gives_way`: whether it may be cancelled.

    Raises:
        MigrationStopped: it was asked to stop between two tries; nothing of it is left.
        MigrationFailed: who waits for it cannot be seen any more; it was not tried.
        MigrationBlocked: it was tried for longer than `settings.patience`; nothing of it is left.
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: any other end.
    """
    clock = asyncio.get_running_loop()
    began, tries = clock.time(), 0
    while True:
        if session.blind:
            await session.ready_to_watch()
        async with watching(session, gives_way) as watch:
            watch.at(line, head)
            try:
                return await work(watch)
            except asyncpg.PostgresError as error:
                if not in_the_way(error, watch):
                    raise
                code = str(error.sqlstate)
        await session.roll_back()
        tries += 1
        rest = began + session.settings.patience - clock.time()
        if rest <= 0:
            raise _blocked(session, watch, code, clock.time() - began, tries)
        pause = min(rest, pause_after(tries, session.settings.lock_timeout))
        _tell(session, watch, code, tries, pause)
        await stay_away(session, pause, () if watch.gave_way else watch.blockers)
        if session.settings.stop():
            raise MigrationStopped(
                f"{session.source.module}: migration {session.migration.name} was stopped while it kept out "
                f"of the way of others; its statement at {session.migration.place}:{watch.line} did nothing"
            )


def in_the_way(error: asyncpg.PostgresError, watch: Watch) -> bool:
    """Whether an error is nobody's fault: others were in the way, or we in theirs."""
    if error.sqlstate == CANCELED:
        return watch.gave_way
    return error.sqlstate in (LOCKED, DEADLOCK, SERIALIZATION)


def _tell(session: Session, watch: Watch, code: str, tries: int, pause: float) -> None:
    detail = {"tries": tries, "pause": round(pause, 3), "sqlstate": code, "head": watch.head}
    if watch.gave_way:
        waiters = [each.as_dict() for each in watch.waiters]
        session.say(
            "gave-way",
            f"{_sessions(watch.waiters)} waited {spoken(watch.waiters[0].waited)} for "
            f"{_what(watch.waiters)}: gave way, nothing of it is left; tried again",
            watch.line,
            **detail,
            waiters=waiters,
            table=watch.waiters[0].relation,
        )
        return
    blockers = [each.as_dict() for each in watch.blockers]
    who = ", ".join(each.sentence for each in watch.blockers) or "a lock"
    why = {DEADLOCK: "a deadlock with ", SERIALIZATION: "a serialization error, "}.get(code, "waits for ")
    session.say("waiting", f"{why}{who}", watch.line, **detail, blockers=blockers)


def _blocked(session: Session, watch: Watch, code: str, seconds: float, tries: int) -> MigrationBlocked:
    name, place = session.migration.name, f"{session.migration.place}:{watch.line}"
    told = f"{session.source.module}: migration {name} could not be applied within {spoken(seconds)} "
    told += f"({tries} {'try' if tries == 1 else 'tries'}); "
    if watch.gave_way:
        return MigrationBlocked(
            f"{told}each time its statement at {place} ({watch.head}) held {_what(watch.waiters)} until "
            f"{_sessions(watch.waiters)} had waited {spoken(watch.waiters[0].waited)}, the longest "
            f"{watch.waiters[0].sentence}; it gave way, and nothing of it is left. {_rewrite(watch)}, "
            "or allow it to with -- nexus: may-block=30s in its first lines"
        )
    if not watch.blockers:
        blind = f" ({watch.blind})" if watch.blind else ""
        return MigrationBlocked(
            f"{told}its statement at {place} ({watch.head}) ended with {code} each time, and who was in the "
            f"way could not be seen{blind}; nothing of it is left. Look at pg_locks and try again"
        )
    ends = " or ".join(each.end for each in watch.blockers if each.end)
    return MigrationBlocked(
        f"{told}its statement at {place} ({watch.head}) needs a lock that is held by "
        f"{', '.join(each.sentence for each in watch.blockers)}; nothing of it is left. Wait for their end"
        + (f", or end them: {ends}" if ends else "")
    )


def _rewrite(watch: Watch) -> str:
    if _relation(watch.waiters):
        return "Rewrite it so that it stops nobody (nexus migrate lint shows how)"
    return (
        "Write its rows in batches (-- nexus: transaction=none in its first lines, and -- nexus: batch=5000 "
        "right before the statement)"
    )


def _sessions(waiters: tuple[Backend, ...]) -> str:
    return "1 session" if len(waiters) == 1 else f"{len(waiters)} sessions"


def _what(waiters: tuple[Backend, ...]) -> str:
    return _relation(waiters) or "rows that they wait for"


def _relation(waiters: tuple[Backend, ...]) -> str:
    """The table whose lock is waited for; "" where it is rows."""
    return next((each.relation for each in waiters if each.relation), "")
