"""Whom commits wait for: `synchronous_standby_names`, which several parts of the platform share.

Each part adds and removes its own name and leaves the others' alone; a commit waits for all of them
(PostgreSQL manual, 19.6.2 and 26.2.8). The change is at once, also while commits hang because a named one is
away: neither ALTER SYSTEM nor the lock writes WAL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

SETTING = "synchronous_standby_names"
_LOCK = 0x6E657873  # of one session at a time, while it reads and writes the setting
_WRITTEN = "SELECT setting FROM pg_file_settings WHERE name = $1 ORDER BY seqno DESC LIMIT 1"
_LIST = re.compile(r"^\s*(?:(?:FIRST|ANY)?\s*\d+\s*)?\(?(?P<names>[^()]*)\)?\s*$", re.IGNORECASE)


def names_in(setting: str) -> tuple[str, ...]:
    """The names that a value of the setting lists. Pure."""
    found = _LIST.match(setting)
    listed = found["names"] if found else ""
    return tuple(name for each in listed.split(",") if (name := each.strip().strip('"')))


def setting_of(names: Iterable[str]) -> str:
    """The value with which a commit waits for all of `names`; "" for none. Pure."""
    chosen = sorted(set(names))
    listed = ", ".join('"{}"'.format(name.replace('"', '""')) for name in chosen)
    return f"FIRST {len(chosen)} ({listed})" if chosen else ""


async def waited_for(connection: Connection) -> tuple[str, ...]:
    """Whom commits wait for, as the configuration's files say: what a session knows may be a moment old."""
    return names_in(await connection.fetchval(_WRITTEN, SETTING) or "")


async def wait_for(connection: Connection, name: str, wanted: bool) -> bool:
    """From now on, commits wait for `name`, or do not any more; returns whether that is new.

    `connection`: a superuser's, outside a transaction. Another that does the same is waited for.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        present = await waited_for(connection)
        if (name in present) == wanted:
            return False
        await put(connection, {*present, name} if wanted else set(present) - {name})
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
    return True


async def put(connection: Connection, names: Iterable[str]) -> None:
    """From now on, commits wait for exactly these; for a server that is about to be the primary."""
    value = setting_of(names).replace("'", "''")
    await connection.execute(f"ALTER SYSTEM SET {SETTING} = '{value}'")
    await connection.execute("SELECT pg_reload_conf()")
