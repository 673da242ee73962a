"""What only the archive has: the standby would lack it, though it was acknowledged to somebody."""

from __future__ import annotations

import asyncpg

from nexus.control.standby.actions import connected
from nexus.control.standby.keeping import StandingBy
from nexus.control.standby.record import Record
from nexus.recovery import lsn
from nexus.recovery.streaming.status import StreamStatus, read_status
from nexus.standby.replication import has
from nexus.standby.wal import timeline_at


async def lacking(standing: StandingBy, record: Record, since: float) -> str:
    """Why the standby would lose, in a dead primary's place, what the archive has; "" where it would not.

    What the old primary's own disk can still tell is replayed by the takeover, so it is not missing. `since`:
    when the primary was found dead (monotonic); what the archive said before may be older than its last.
    """
    status = read_status(standing.site.home)
    promised = standing.site.stack.recovery.synchronous == "require"
    try:
        async with connected(standing.url(record.port)) as standby:
            come = await has(standby)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return f"the standby cannot be asked how far it has come ({error or type(error).__name__})"
    if timeline_at(standing.holder, max(come, ends(status))) is not None:
        return ""
    return judged(status, come, promised, since)


def ends(status: StreamStatus | None) -> int:
    """How far the archive goes, in bytes of WAL; 0 where nobody knows. Pure."""
    told = (status.received_lsn, status.sealed_lsn) if status else ()
    return max((lsn.parse(each) for each in told if each), default=0)


def judged(status: StreamStatus | None, come: int, promised: bool, since: float) -> str:
    """Why what the archive has is missing in a standby that has come as far as `come`; "" = nothing is. Pure.

    `promised`: commits wait for the archive (`recovery.synchronous: require`).
    """
    if (more := ends(status) - come) > 0:
        return (
            f"the archive has {more} bytes of WAL that the standby lacks, and the old primary's cannot be "
            "read: `nexus restore --latest` brings all of it back"
        )
    if promised and (status is None or not status.alive or status.heard < since):
        return (
            "commits wait for the archive, which does not say how far it goes, and the old primary's WAL "
            "cannot be read: start it (`nexus up`), or `nexus restore --latest`"
        )
    return ""
