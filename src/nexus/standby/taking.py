"""A standby's first data: a base backup of the living primary, on a slot that keeps the WAL it needs."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from nexus.postgres.programs import Programs, connection
from nexus.runtimes.process import accounts
from nexus.standby.errors import StandbyError
from nexus.standby.fence import clear
from nexus.standby.settings import NAME, quoted

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

GONE_WITHIN = 10.0  # seconds
POLL = 0.05
_BYTES = """
SELECT (SELECT sum(pg_database_size(oid)) FROM pg_database)
    + (SELECT coalesce(sum(size), 0) FROM pg_ls_waldir())
"""
_DROP = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1"
_END = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1"


async def admit(primary: Connection, password: str) -> None:
    """Has the primary know the standby: a role that may replicate and nothing else, and its slot.

    Raises:
        asyncpg.PostgresError: the primary refuses.
    """
    known = await primary.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", NAME)
    verb = "ALTER" if known else "CREATE"
    with_password = f"WITH LOGIN REPLICATION NOINHERIT PASSWORD {quoted(password)}"
    await primary.execute(f"{verb} ROLE {NAME} {with_password}")
    await keep_wal(primary)


async def keep_wal(primary: Connection) -> None:
    """Has the primary keep the WAL that the standby has not yet; a slot that has lost it is made anew."""
    lost = await primary.fetchval(
        "SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = $1", NAME
    )
    if lost:
        await primary.execute("SELECT pg_drop_replication_slot($1)", NAME)
    if lost is None or lost:
        await primary.execute("SELECT pg_create_physical_replication_slot($1, true)", NAME)


async def dismiss(primary: Connection) -> None:
    """Has the primary forget the standby, which does not run any more: whoever still sends to it is ended."""
    give_up = time.monotonic() + GONE_WITHIN
    while True:
        try:
            await primary.execute(_DROP, NAME)
            break
        except asyncpg.ObjectInUseError:
            if time.monotonic() > give_up:
                raise
            await primary.execute(_END, NAME)
            await asyncio.sleep(POLL)
    await primary.execute(f"DROP ROLE IF EXISTS {NAME}")


def _fresh(data: Path) -> Path:
    return data.with_name(f"{data.name}.fresh")


def retaken(data: Path) -> bool:
    """Whether a fresh copy is whole that is to take the place of a folder."""
    return (_fresh(data) / "PG_VERSION").exists()


async def retake(programs: Programs, url: str, passwords: Path, data: Path) -> None:
    """Copies the primary anew, and puts the copy in the place of what the folder `data` holds.

    Raises:
        ServerFailed: the copy failed; the folder is as it was.
    """
    await take(programs, url, passwords, _fresh(data))
    await clear(data)
    if data.exists():
        await asyncio.to_thread(shutil.rmtree, data)
    _fresh(data).rename(data)


async def _room(url: str, at: Path) -> None:
    """Whether a copy of the server at `url` has room on the disk of a folder.

    Raises:
        StandbyError: it has not.
    """
    primary = await asyncpg.connect(url, timeout=10, command_timeout=60)
    try:
        needed = int(await primary.fetchval(_BYTES))
    finally:
        primary.terminate()
    there = next(each for each in (at, *at.parents) if each.exists())
    fits(needed, shutil.disk_usage(there).free, there)


def fits(needed: int, free: int, there: Path) -> None:
    """Whether a copy of `needed` bytes has room on the disk of a folder, which has `free` ones. Pure.

    Raises:
        StandbyError: it has not.
    """
    if free < needed:
        raise StandbyError(
            f"a copy of the database takes {needed:,} bytes, and {there} has {free:,} free; make room, or "
            "name a folder on another disk: `nexus standby add --path DIR`"
        )


async def take(programs: Programs, url: str, passwords: Path, data: Path) -> None:
    """Copies the primary at `url` (the superuser's) into the folder `data`, which appears when it is whole.

    One that was killed meanwhile is begun anew; every block's checksum is verified (pg_basebackup).

    Raises:
        StandbyError: the disk has no room for it.
        ServerFailed: the copy failed; its last lines are told.
    """
    if (data / "PG_VERSION").exists():
        return
    draft = data.with_name(f"{data.name}.new")
    if draft.exists():
        await clear(draft)
        await asyncio.to_thread(shutil.rmtree, draft)
    await _room(url, data.parent)
    accounts.private_folder(draft, programs.account)
    copying = Programs(draft, programs.account)  # who works in the draft is found by it
    await copying.run(
        "pg_basebackup",
        *connection(url),
        *("-D", str(draft / "data"), "-X", "stream", "-S", NAME, "-c", "fast", "--no-manifest"),
        passwords=passwords,
    )
    if data.is_dir():
        data.rmdir()
    (draft / "data").rename(data)
    draft.rmdir()
