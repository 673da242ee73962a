"""One module process for many tests: its rows as they were at first, put back before each of them."""

from __future__ import annotations

from typing import Any

import asyncpg

from nexus_kit.events.event import stream_of
from nexus_kit.events.positions import pairs
from nexus_kit.testing.module_process import ModuleProcess

# What is generated from other columns cannot be put back, and need not be.
_TABLES = """
SELECT c.relname AS tablename, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND c.relname NOT IN ('_prisma_migrations', 'event_cursor')
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY c.oid
"""
_TRIES = 5


class Snapshot:
    """The rows of a module's tables. Streams and their readers go on; events sent so far are passed over."""

    def __init__(self, process: ModuleProcess, tables: dict[str, tuple[str, str]]) -> None:
        self._process = process
        self._tables = tables

    @classmethod
    async def take(cls, process: ModuleProcess) -> Snapshot:
        """Remember the rows as they are, once the module has sent and handled what there was."""
        await process.wait(lambda: _settled(process))
        tables = {row["tablename"]: row["columns"] for row in await process.admin.fetch(_TABLES)}
        return cls(
            process, {table: (columns, await _rows(process, table)) for table, columns in tables.items()}
        )

    async def restore(self) -> None:
        """Put the rows back, once the module has sent and handled what there was.

        An event may wait for another that a former restore took back, and would wait in vain: it is given up.
        """
        try:
            await self._process.wait(lambda: _settled(self._process))
        except AssertionError:
            await _give_up(self._process)
            await self._process.wait(lambda: _settled(self._process))  # nothing else may be left
        for attempt in range(_TRIES):
            try:
                await self._put_back()
                break
            except asyncpg.DeadlockDetectedError:  # a worker of the module was in the way
                if attempt == _TRIES - 1:
                    raise
        await self._process.pass_over()

    async def _put_back(self) -> None:
        admin = self._process.admin
        async with admin.transaction():
            await admin.execute("SET LOCAL session_replication_role = replica")  # no order among the tables
            for table, (columns, rows) in self._tables.items():
                await admin.execute(f"DELETE FROM {table}")
                await admin.execute(
                    f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"
                    f" SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb)",
                    rows,
                )


async def _rows(process: ModuleProcess, table: str) -> str:
    rows: str = await process.admin.fetchval(
        f"SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]')::text FROM {table} t"
    )
    return rows


async def _settled(process: ModuleProcess) -> bool:
    if await process.admin.fetchval("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"):
        return False
    read = {stream_of(module) for module in process.consumes}
    for stream in await process.redis("KEYS", "nexus:events:*"):
        groups = [pairs(group) for group in await process.redis("XINFO", "GROUPS", stream)]
        if any(_behind(group, process.name) for group in groups):
            return False
        if stream in read and process.name not in {group["name"] for group in groups}:
            return False  # it has not found the stream yet, and will read it from its beginning
    return True


async def _give_up(process: ModuleProcess) -> None:
    for stream in await process.redis("KEYS", "nexus:events:*"):
        for group in await process.redis("XINFO", "GROUPS", stream):
            if pairs(group)["name"] != process.name:
                continue
            waiting = await process.redis("XPENDING", stream, process.name, "-", "+", 1000)
            if waiting:
                await process.redis("XACK", stream, process.name, *(entry[0] for entry in waiting))


def _behind(group: dict[str, Any], name: str) -> bool:
    return group["name"] == name and bool(group["pending"] or group["lag"])
