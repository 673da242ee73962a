"""Making the standby the primary, and proving that it takes writes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from nexus.recovery import lsn
from nexus.standby.errors import Behind, StandbyError
from nexus.standby.replication import replayed
from nexus.standby.settings import quoted
from nexus.standby.wal import End

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

PROMOTED_WITHIN = 60  # seconds
REQUEST = "promote"  # the file in the data folder by which a promotion is asked for
CONNECT = 2.0
POLL = 0.02
_REPLAYED = "SELECT coalesce(pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn(), true)"
_HISTORY = """
SELECT pg_read_file('pg_wal/' || lpad(upper(to_hex(timeline_id)), 8, '0') || '.history', true)
FROM (SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline_id) AS now
"""


async def catch_up(standby: Connection, former: Path, end: End, limit: float) -> None:
    """Has a standby replay what the stopped primary wrote and did not send any more, out of its own `pg_wal`.

    Raises:
        Behind: it does not come as far as `end`, and no farther within `limit` seconds.
    """
    if await replayed(standby) > end.last:
        return
    folder = str(former / "pg_wal").replace("%", "%%")
    command = f'cp -- "{folder}/%f" "%p" 2>/dev/null'
    await standby.execute(f"ALTER SYSTEM SET restore_command = {quoted(command)}")
    await standby.execute("SELECT pg_reload_conf()")
    give_up, before = time.monotonic() + limit, -1
    while (come := await replayed(standby)) <= end.last:
        if come != before:
            give_up, before = time.monotonic() + limit, come
        if time.monotonic() > give_up:
            raise Behind(
                f"the standby has replayed up to byte {come} of the WAL, the primary wrote {end.end}"
            )
        await asyncio.sleep(POLL)


async def has_replayed(standby: Connection) -> bool:
    """Whether a standby has replayed all it received; one that has not is promoted some time later."""
    return bool(await standby.fetchval(_REPLAYED))


async def parted(primary: Connection) -> int | None:
    """Where a promoted server left the timeline that it followed, in bytes of WAL; None where it is on its
    first. The last line of its history file tells it (manual, 25.3.6).
    """
    text = await primary.fetchval(_HISTORY)
    rows = [line.split("\t") for line in (text or "").splitlines() if line[:1].isdigit()]
    return lsn.parse(rows[-1][1]) if rows else None


async def promote(standby: Connection) -> None:
    """Makes it the primary; does nothing when it is one already.

    It then forgets whom it followed.

    Raises:
        StandbyError: it is none yet; it becomes one later unless it is ended.
    """
    if await standby.fetchval("SELECT pg_is_in_recovery()"):
        promoted = await standby.fetchval("SELECT pg_promote(true, $1)", PROMOTED_WITHIN)
        if not promoted:
            raise StandbyError(f"the standby is not the primary after {PROMOTED_WITHIN} s; see its log")
    for name in ("primary_conninfo", "primary_slot_name", "restore_command"):
        await standby.execute(f"ALTER SYSTEM RESET {name}")
    await standby.execute("SELECT pg_reload_conf()")


async def write(url: str, words: str, limit: float) -> None:
    """Proves that the server at `url` takes writes: a message in its WAL, committed as any change is.

    Raises:
        StandbyError: it does not within `limit` seconds; says what it answered last.
    """
    give_up = time.monotonic() + limit
    while True:
        try:
            connection = await asyncpg.connect(url, timeout=CONNECT)
            try:
                async with asyncio.timeout(limit):
                    await connection.execute("SELECT pg_logical_emit_message(true, 'nexus', $1::text)", words)
                return
            finally:
                connection.terminate()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if time.monotonic() > give_up:
                raise StandbyError(
                    f"the new primary takes no writes ({error or type(error).__name__})"
                ) from error
        await asyncio.sleep(POLL)
