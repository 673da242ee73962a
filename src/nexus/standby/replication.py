"""How far the standby is behind the primary, as both tell (manual, 27.2.4)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from nexus.postgres.synchronous import put, waited_for
from nexus.standby.settings import NAME

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

_PRIMARY = """
SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn AS written, s.state, s.sync_state,
    s.flush_lsn - '0/0'::pg_lsn AS flushed, s.replay_lsn - '0/0'::pg_lsn AS replayed,
    coalesce(extract(epoch FROM s.replay_lag), 0)::float8 AS seconds,
    (SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1) AS slot
FROM (SELECT 1) AS one LEFT JOIN pg_stat_replication AS s ON s.application_name = $1
ORDER BY s.backend_start DESC LIMIT 1
"""
_REPLAYED = "SELECT pg_last_wal_replay_lsn() - '0/0'::pg_lsn"
_RECEIVED = "SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn"
_ADVANCE = """
SELECT pg_replication_slot_advance($1, least('0/0'::pg_lsn + $2::bigint, pg_last_wal_replay_lsn()))
"""
_HAS = "SELECT 1 FROM pg_replication_slots WHERE slot_name = $1"
_KEEP = """
SELECT pg_replication_slot_advance(s.slot_name, c.redo_lsn)
FROM pg_replication_slots AS s, pg_control_checkpoint() AS c
WHERE s.slot_name = $1 AND c.redo_lsn > s.restart_lsn
"""
_SLOTS = """
SELECT slot_name, (restart_lsn - '0/0'::pg_lsn)::bigint AS place FROM pg_replication_slots
WHERE slot_type = 'physical' AND NOT temporary AND slot_name <> $1 AND restart_lsn IS NOT NULL
"""


@dataclass(frozen=True)
class Look:
    """One look. Places in the WAL as bytes from its beginning.

    `written`: what the primary has made durable; `flushed`, `replayed`: what the standby has. `state`: of
    the stream ("" = there is none); `synchronous`: commits wait for it now; `slot`: whether the WAL it needs
    is kept (reserved, extended, unreserved, lost). `seconds`: how old what it shows is.
    """

    written: int = 0
    flushed: int = 0
    replayed: int = 0
    state: str = ""
    synchronous: bool = False
    slot: str = ""
    seconds: float = 0.0

    @property
    def streams(self) -> bool:
        """Whether what the primary writes reaches the standby as it is written."""
        return self.state == "streaming"

    @property
    def behind(self) -> int:
        """How many bytes of WAL the standby would lose were the primary gone now."""
        return max(0, self.written - self.flushed)

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "behind": self.behind, "streams": self.streams}


async def look(primary: Connection) -> Look:
    """What the primary knows of its standby."""
    row = await primary.fetchrow(_PRIMARY, NAME)
    assert row is not None
    return Look(
        int(row["written"]),
        int(row["flushed"] or 0),
        int(row["replayed"] or 0),
        row["state"] or "",
        row["sync_state"] in ("sync", "quorum"),
        row["slot"] or "",
        row["seconds"],
    )


async def replayed(standby: Connection) -> int:
    """How far a standby has come."""
    return int(await standby.fetchval(_REPLAYED) or 0)


async def has(standby: Connection) -> int:
    """How far the WAL goes that a standby has on its disk."""
    return int(await standby.fetchval(_RECEIVED) or 0)


async def take_over_duties(primary: Connection, standby: Connection, waits: bool) -> bool:
    """Has the standby ready to be a primary: it keeps WAL for the same readers.

    Streams that other parts of the platform read (the archive's) go on from their slots after a failover
    without a hole; and the old primary is brought back from the last checkpoint that both have. A slot of
    the standby's own never moves backward. `waits`: as a primary its commits wait from the first on for the
    same readers; else they do when those have reached it. Returns whether each reader finds there what it
    has not yet: a slot that was made a moment ago begins where the standby was then.
    """
    if await standby.fetchval(_HAS, NAME):
        await standby.execute(_KEEP, NAME)
    else:
        await standby.execute("SELECT pg_create_physical_replication_slot($1, true)", NAME)
    told = await _places(primary)
    own = await _places(standby)
    for name in own.keys() - told.keys():
        await standby.execute("SELECT pg_drop_replication_slot($1)", name)
    for name, place in told.items():
        if name not in own:
            await standby.execute("SELECT pg_create_physical_replication_slot($1, true)", name)
        elif place > own[name]:
            await standby.execute(_ADVANCE, name, place)
    names = set(await waited_for(primary)) - {NAME} if waits else set()
    if names != set(await waited_for(standby)):
        await put(standby, names)
    kept = await _places(standby)
    return all(name in kept and kept[name] <= place for name, place in told.items())


async def _places(server: Connection) -> dict[str, int]:
    """From where on a server keeps WAL for each reader."""
    return {row["slot_name"]: row["place"] for row in await server.fetch(_SLOTS, NAME)}
