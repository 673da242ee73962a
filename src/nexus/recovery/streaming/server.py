"""What the living server says of its WAL, the stream's slot and its receiver: facts, read by SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

NAME = "nexus_archive"  # of the slot, and what the receiver connects as

_FACTS = """
SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system,
       current_setting('server_version_num')::int AS version,
       (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size') AS segment,
       pg_is_in_recovery() AS recovering,
       extract(epoch FROM clock_timestamp())::float8 AS now,
       current_setting('synchronous_standby_names') AS synchronous
"""
_WAL = """
SELECT lsn - '0/0'::pg_lsn AS lsn, ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::int AS timeline
FROM pg_current_wal_flush_lsn() lsn
"""
_SLOT = """
SELECT restart_lsn - '0/0'::pg_lsn AS restart, active_pid, wal_status, safe_wal_size
FROM pg_replication_slots WHERE slot_name = $1
"""
_SENDER = """
SELECT pid, state, write_lsn - '0/0'::pg_lsn AS written, flush_lsn - '0/0'::pg_lsn AS flushed, sync_state
FROM pg_stat_replication WHERE application_name = $1 ORDER BY backend_start DESC LIMIT 1
"""


@dataclass(frozen=True)
class Slot:
    """The stream's slot. `restart`: from which byte on WAL is kept for it. `status`: as the view
    pg_replication_slots has it (manual, 53.21). `left`: bytes until it is lost; None where nothing limits it.
    """

    restart: int | None
    pid: int | None
    status: str | None
    left: int | None

    @property
    def lost(self) -> bool:
        """Whether WAL that it needs is gone."""
        return self.status == "lost" or self.restart is None


@dataclass(frozen=True)
class Sender:
    """The server's end of the stream. Places in the WAL as numbers of bytes."""

    pid: int
    state: str
    written: int
    flushed: int
    sync_state: str


@dataclass(frozen=True)
class Facts:
    """The server. `lsn`: the end of what is durable there. `now`: its own clock, in seconds since 1970."""

    system: str
    version: int
    segment: int
    recovering: bool
    now: float
    synchronous: str
    timeline: int = 0
    lsn: int = 0
    slot: Slot | None = None
    sender: Sender | None = None


async def ask(connection: Connection) -> Facts:
    """The facts. Raises what asyncpg raises."""
    row = await connection.fetchrow(_FACTS)
    assert row is not None
    if row["recovering"]:
        return Facts(**row)
    wal = await connection.fetchrow(_WAL)
    assert wal is not None
    slot = await connection.fetchrow(_SLOT, NAME)
    sender = await connection.fetchrow(_SENDER, NAME)
    return Facts(
        **row,
        timeline=wal["timeline"],
        lsn=int(wal["lsn"]),
        slot=_slot(slot) if slot else None,
        sender=_sender(sender) if sender else None,
    )


async def history(connection: Connection, timeline: int) -> bytes:
    """The history file of a timeline after the first. Raises what asyncpg raises."""
    name = f"pg_wal/{timeline:08X}.history"
    return bytes(await connection.fetchval("SELECT pg_read_binary_file($1)", name))


def parse_history(text: bytes) -> dict[int, int]:
    """The timelines in a history file (manual, 25.3.6): timeline → the LSN at which it was left. Pure."""
    found: dict[int, int] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        words = line.split("#")[0].split()
        if len(words) >= 2 and words[0].isdigit():
            high, _, low = words[1].partition("/")
            found[int(words[0])] = (int(high, 16) << 32) | int(low, 16)
    return found


async def has_segment(connection: Connection, name: str) -> bool:
    """Whether the server still has that part of the WAL, on any timeline. Raises what asyncpg raises."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_ls_waldir() WHERE length(name) = 24 AND substr(name, 9) = $1)",
            name[8:],
        )
    )


async def make_slot(connection: Connection) -> Slot:
    """Makes the slot, or makes it anew where it is lost; WAL is kept for it from now on."""
    await drop_slot(connection)
    await connection.execute("SELECT pg_create_physical_replication_slot($1, true)", NAME)
    row = await connection.fetchrow(_SLOT, NAME)
    assert row is not None
    return _slot(row)


async def drop_slot(connection: Connection) -> None:
    """Removes the slot, and ends who holds it."""
    await free_slot(connection)
    await connection.execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", NAME
    )


async def free_slot(connection: Connection) -> None:
    """Ends who holds the slot: a receiver that outlived its archive."""
    await connection.execute(
        "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots "
        "WHERE slot_name = $1 AND active_pid IS NOT NULL",
        NAME,
    )


def _slot(row: asyncpg.Record) -> Slot:
    restart = None if row["restart"] is None else int(row["restart"])
    left = None if row["safe_wal_size"] is None else int(row["safe_wal_size"])
    return Slot(restart, row["active_pid"], row["wal_status"], left)


def _sender(row: asyncpg.Record) -> Sender:
    written, flushed = int(row["written"] or 0), int(row["flushed"] or 0)
    return Sender(row["pid"], row["state"] or "", written, flushed, row["sync_state"] or "")
