"""What befalls a victim: real damage to its files and rows, and to nothing else."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg

from nexus.control.drilling.load import CONNECT, Load
from nexus.control.drilling.room import kill_strays, strays
from nexus.control.drilling.tables import Table, remembered, tables
from nexus.control.drilling.victim import Victim, until
from nexus.control.launch import processes
from nexus.migrations.quoting import identifier
from nexus.recovery import layout
from nexus.runtimes.process.identity import alive, birth
from nexus.runtimes.protocol import StartError

ENCRYPTED = 1 << 20  # bytes of each file that are replaced; the rest is cut off
BEFORE, AFTER = 20, 10  # writes that are acknowledged before and after
LOCKED_WITHIN = "10s"


@dataclass(frozen=True)
class Harm:
    """What was done. `at` (seconds since the epoch): when; `moment`: the last one at which all was well,
    where that is to be restored; `until`: when the damage had ended; `table` with its `rows` and `column`:
    what was there; `segment`: the damaged one.
    """

    at: float
    moment: float | None = None
    table: Table | None = None
    column: str = ""
    rows: frozenset[str] = field(default_factory=frozenset)
    segment: str = ""
    until: float | None = None


async def data_directory_deleted(victim: Victim, load: Load) -> Harm:
    """Under the running server."""
    await load.more(BEFORE)
    at = time.time()
    await asyncio.to_thread(_delete_database, victim)
    await load.stop()
    return Harm(at)


async def machine_lost(victim: Victim, load: Load) -> Harm:
    """Nothing runs any more, and nothing is left of its home."""
    await _copied_and_more(victim, load)
    at, home = time.time(), victim.beside.home

    async def gone() -> bool:
        await asyncio.to_thread(kill_strays, home.root)
        return not strays(home.root)

    await until(gone, "the victim's processes could not be killed")
    await load.stop()
    if not home.run.is_relative_to(home.root):
        await asyncio.to_thread(shutil.rmtree, home.run, True)
    await asyncio.to_thread(shutil.rmtree, home.root)
    return Harm(at)


async def table_dropped(victim: Victim, load: Load) -> Harm:
    """With all that hangs on it; users write before and after."""
    connection = await asyncpg.connect(victim.beside.url, timeout=CONNECT)
    try:
        found = await tables(connection, victim.beside.stack)
        if not found:
            raise StartError("no module has a table with rows")
        table = found[0]
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCKED_WITHIN}'")
            await connection.execute(f"LOCK TABLE {table.quoted} IN ACCESS EXCLUSIVE MODE")
            rows = await remembered(connection, table)
            await load.more(BEFORE)
            moment = time.time()
            await load.more(AFTER)
            await connection.execute(f"DROP TABLE {table.quoted} CASCADE")
        await load.more(AFTER)
        place = await connection.fetchval("SELECT pg_current_wal_lsn()::text")
    finally:
        await connection.close(timeout=CONNECT)
    await load.stop()
    await victim.archived(place)
    return Harm(moment, moment, table, rows=rows)


async def bad_deploy(victim: Victim, load: Load) -> Harm:
    """Amounts of a module are changed twice; users write meanwhile, and write on."""
    connection = await asyncpg.connect(victim.beside.url, timeout=CONNECT)
    try:
        found = [each for each in await tables(connection, victim.beside.stack) if each.amounts]
        for table in found:
            for column in table.amounts:
                rows = await remembered(connection, table, column)
                await load.more(BEFORE)
                moment = time.time()
                if not await _corrupted(connection, table, column):
                    continue
                await load.more(AFTER)
                await _corrupted(connection, table, column)
                until = time.time()
                place = await connection.fetchval("SELECT pg_current_wal_lsn()::text")
                await victim.archived(place)
                return Harm(moment, moment, table, column, rows, until=until)
    finally:
        await connection.close(timeout=CONNECT)
    raise StartError("no module has amounts that can be changed")


async def ransomware(victim: Victim, load: Load) -> Harm:
    """Every file of the database and of the local backups is unreadable."""
    await _copied_and_more(victim, load)
    at = time.time()
    await asyncio.to_thread(_encrypt, victim.local)
    await asyncio.to_thread(_encrypt, victim.beside.data)
    await asyncio.to_thread(_kill_server, victim.beside.data)
    await load.stop()
    return Harm(at)


async def wal_segment_corrupted(victim: Victim, load: Load) -> Harm:
    """One byte of a segment that the restore needs, in one of two copies; then the database is gone."""
    await load.more(BEFORE)
    connection = await asyncpg.connect(victim.beside.url, timeout=CONNECT)
    try:
        name = await connection.fetchval("SELECT pg_walfile_name(pg_current_wal_lsn())")
        place = await connection.fetchval("SELECT pg_switch_wal()::text")
    finally:
        await connection.close(timeout=CONNECT)
    await load.more(AFTER)
    await victim.archived(place, everywhere=True)
    local, second = victim.places()

    async def whole() -> bool:
        return all([await each.entries(layout.segment(name)) for each in (local, second)])

    await until(whole, f"WAL segment {name} did not get into both places")
    await asyncio.to_thread(flip, victim.local / layout.segment(name))
    return replace(await data_directory_deleted(victim, load), segment=name)


async def backup_interrupted(victim: Victim, load: Load) -> Harm:
    """What takes the backup is killed when a part of it is stored."""
    await load.more(BEFORE)
    before = {each.name for each in (victim.local / "backups").iterdir()}
    taking = asyncio.create_task(victim.beside.commands.run("backup", "create", "--full", "--json"))

    async def begun() -> bool:
        if taking.done():
            raise StartError("the backup was over before it could be cut short")
        return any(each.name not in before for each in (victim.local / "backups").iterdir())

    try:
        await until(begun, "the backup did not begin")
        at = time.time()
        await asyncio.to_thread(_kill_backup, victim)
    finally:
        taking.cancel()
        await asyncio.wait([taking])
    manifests = {each.parent.name for each in (victim.local / "backups").glob("*/manifest")}
    if manifests - before:
        raise StartError("the backup was over before it could be cut short")
    return Harm(at)


DAMAGES: Mapping[str, Callable[[Victim, Load], Awaitable[Harm]]] = {
    "data-directory-deleted": data_directory_deleted,
    "machine-lost": machine_lost,
    "table-dropped": table_dropped,
    "bad-deploy": bad_deploy,
    "ransomware": ransomware,
    "wal-segment-corrupted": wal_segment_corrupted,
    "backup-interrupted": backup_interrupted,
}


def flip(file: Path) -> None:
    """One byte in the middle of a file is another one."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


async def _copied_and_more(victim: Victim, load: Load) -> None:
    """Some writes are in the second place for sure, others may be on their way there."""
    await load.more(BEFORE)
    connection = await asyncpg.connect(victim.beside.url, timeout=CONNECT)
    try:
        place = await connection.fetchval("SELECT pg_current_wal_lsn()::text")
    finally:
        await connection.close(timeout=CONNECT)
    await victim.archived(place, everywhere=True)
    await load.more(AFTER)


async def _corrupted(connection: asyncpg.Connection[asyncpg.Record], table: Table, column: str) -> bool:
    """Changes a column of all rows; whether the table let it happen."""
    named = identifier(column)
    try:
        await connection.execute(f"UPDATE {table.quoted} SET {named} = {named} * 10 + 1")
    except asyncpg.PostgresError:  # a constraint, or a trigger that keeps it append-only: another one then
        return False
    return True


def _delete_database(victim: Victim) -> None:
    data = victim.beside.data
    pid = _server(data)
    shutil.rmtree(data, ignore_errors=True)  # the server may make files meanwhile
    _kill(pid)
    if data.exists():
        shutil.rmtree(data)


def _kill_server(data: Path) -> None:
    """The server of a folder whose own note of its pid may be unreadable."""
    for process in strays(data):
        os.kill(process.pid, signal.SIGKILL)


def _server(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def _kill(pid: int) -> None:
    born = birth(pid)
    os.kill(pid, signal.SIGKILL)
    while born is not None and alive(pid, born):
        time.sleep(0.01)


def _encrypt(folder: Path) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            size = min(file.stat().st_size, ENCRYPTED)
            with file.open("r+b") as handle:
                handle.write(os.urandom(size))
                handle.truncate(size)


def _kill_backup(victim: Victim) -> None:
    """The control loop, in which backups are taken, with the programs that it had begun for it."""
    loops = {pid for pid, born in processes(victim.beside.home) if alive(pid, born)}
    programs = [
        each for each in strays(victim.room.home) if any("pg_basebackup" in part for part in each.cmdline())
    ]
    for pid in (*loops, *(each.pid for each in programs)):
        os.kill(pid, signal.SIGKILL)
