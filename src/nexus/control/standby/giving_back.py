"""A takeover that failed: the old primary gets its seat back where the standby did not become a primary."""

from __future__ import annotations

import logging
from pathlib import Path

import asyncpg

from nexus.control.standby.actions import connected
from nexus.control.standby.keeping import StandingBy
from nexus.control.standby.record import Record
from nexus.control.standby.servers import passfile
from nexus.runtimes.site import LOOPBACK
from nexus.standby import fence, promoting, rejoining, settings
from nexus.standby.errors import NotFenced
from nexus.standby.members import standby_name

log = logging.getLogger("nexus.control")
DONE = "the new primary is in its place; run the same command again to finish"


async def give_back(standing: StandingBy, why: str) -> str:
    """Gives the old primary its seat back where the standby did not become a primary; says what is.

    A promotion that was asked for goes on when nobody waits for it any more: the standby is ended first.
    """
    held, record = standing.seat.held(), standing.records.standby
    if not held.moving or record is None or await _leads(standing, record):
        return DONE
    holder, data = Path(held.holder), Path(record.data)
    if not (holder / "PG_VERSION").exists():
        return (
            f"the old primary's folder {holder} is gone, so it cannot have its place back: the standby "
            "keeps the place; mend what is told, then `nexus failover` finishes it"
        )
    try:
        await _end_standby(standing, data)
        if not (data / fence.SIGNAL).exists():  # gone before a promoted server takes its first write
            await standing.follow(data)
            return DONE
        await fence.clear(holder)
    except NotFenced as error:
        return f"neither server has the place: {error}; then `nexus failover` goes on"
    stable, file = standing.site.ports[standing.database.name], passfile(standing.site, standing.database)
    rejoining.join(data, settings.following(LOOPBACK, stable, file), standing.programs)
    fence.lift(holder)
    standing.seat.give_back(held, why)
    await standing.follow(data)
    assert standing.keeper.supervisor is not None
    standing.keeper.supervisor.want(standing.database)
    return "the old primary has its place back and is started again"


async def _leads(standing: StandingBy, record: Record) -> bool:
    """Whether the standby says that it is a primary."""
    try:
        async with connected(standing.url(record.port)) as standby:
            return not await standby.fetchval("SELECT pg_is_in_recovery()")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.warning("the standby cannot be asked whether it is a primary: %s", error)
        return False


async def _end_standby(standing: StandingBy, data: Path) -> None:
    """No process of the standby is left, and nothing promotes it when it is started again.

    Raises:
        NotFenced: one does not end.
    """
    name = standby_name(standing.database.name)
    processes = standing.keeper.processes
    running = [each.running for each in await standing.supervisor.let_go(name) if each.running]
    for each in running:
        processes.kill(each)
    await fence.clear(data)
    for each in running:
        await processes.wait(each)
    fence.forget_sockets(standing.site.home.sockets(name), data)
    (data / promoting.REQUEST).unlink(missing_ok=True)
