"""How far a long statement is: read about once a second from PostgreSQL's progress views, and told.

PostgreSQL tells of CREATE INDEX, REINDEX, VACUUM, ANALYZE, CLUSTER and COPY (manual, 27.4). Of a rewrite by
ALTER TABLE it tells nothing, and its new file cannot be seen from outside: there the time alone is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import asyncpg

from nexus.migrations.applying.backends import look, spoken
from nexus.migrations.applying.later import Later

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

    Connection = asyncpg.Connection[asyncpg.Record]

EVERY = 1.0  # seconds
CONNECT_S = 10.0
_SEEN = """
WITH seen (pid, what, relid, phase, done, total, rows) AS (
    SELECT pid, lower(command), relid, phase,
        CASE WHEN phase LIKE 'waiting%' THEN lockers_done
            WHEN blocks_total > 0 AND blocks_done < blocks_total THEN blocks_done ELSE tuples_done END,
        CASE WHEN phase LIKE 'waiting%' THEN lockers_total
            WHEN blocks_total > 0 AND blocks_done < blocks_total THEN blocks_total ELSE tuples_total END,
        nullif(tuples_done, 0)
    FROM pg_stat_progress_create_index
    UNION ALL
    SELECT pid, 'vacuum', relid, phase,
        CASE phase WHEN 'vacuuming heap' THEN heap_blks_vacuumed
            WHEN 'vacuuming indexes' THEN indexes_processed ELSE heap_blks_scanned END,
        CASE phase WHEN 'vacuuming indexes' THEN indexes_total ELSE heap_blks_total END, NULL
    FROM pg_stat_progress_vacuum
    UNION ALL
    SELECT pid, 'analyze', relid, phase, sample_blks_scanned, sample_blks_total, NULL
    FROM pg_stat_progress_analyze
    UNION ALL
    SELECT pid, lower(command), relid, phase, heap_blks_scanned, heap_blks_total, heap_tuples_written
    FROM pg_stat_progress_cluster
    UNION ALL
    SELECT pid, lower(command), relid, '', bytes_processed, bytes_total, tuples_processed
    FROM pg_stat_progress_copy
)
SELECT what, coalesce(relid::regclass::text, '') AS relation, phase, done::float8, total::float8, rows
FROM seen WHERE pid = $1
"""


@dataclass(frozen=True)
class Progress:
    """How far a phase of a statement is. `share`: 0 to 1, None where PostgreSQL does not tell."""

    what: str
    relation: str
    phase: str
    share: float | None
    rows: int | None

    @property
    def sentence(self) -> str:
        """`create index concurrently on items: building index: scanning table, 40 %`."""
        where = f" on {self.relation}" if self.relation else ""
        share = f", {self.share * 100:.0f} %" if self.share is not None else ""
        return f"{self.what}{where}{f': {self.phase}' if self.phase else ''}{share}"


async def read_progress(connection: Connection, pid: int) -> Progress | None:
    """What the backend `pid` is at; None where PostgreSQL does not tell."""
    row = await connection.fetchrow(_SEEN, pid)
    if row is None:
        return None
    share = min(1.0, row["done"] / row["total"]) if row["total"] else None
    return Progress(row["what"], row["relation"], row["phase"], share, row["rows"])


class Running(Protocol):
    """What runs: the `line` of its statement, which began at `since` of the loop's clock.

    `gives_way`: it waits for locks but shortly; whom it waits for is told by those who try it again.
    """

    line: int
    since: float
    gives_way: bool


@asynccontextmanager
async def telling_progress(session: Session, running: Running, every: float = EVERY) -> AsyncIterator[None]:
    """Tell how far the statements that run within are, and whom they wait for.

    Uses a connection of its own, made after the first `every` seconds. Where it fails, it is told once.
    """
    over = asyncio.Event()
    telling = Later(every, lambda: _tell(session, running, every, over))
    try:
        yield
    finally:
        over.set()
        await telling.over()


async def _tell(session: Session, running: Running, every: float, over: asyncio.Event) -> None:
    try:
        connection = await asyncpg.connect(
            session.dsn, timeout=CONNECT_S, server_settings={"application_name": "nexus migrate: progress"}
        )
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        session.say("progress", f"cannot be told: {type(error).__name__}: {error}", running.line)
        return
    try:
        while not over.is_set():
            seconds = asyncio.get_running_loop().time() - running.since
            if seconds >= every:
                await _look(session, connection, running, seconds)
            await _set_within(over, every)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        session.say("progress", f"cannot be told any more: {type(error).__name__}: {error}", running.line)
    finally:
        connection.terminate()


async def _look(session: Session, connection: Connection, running: Running, seconds: float) -> None:
    line = running.line
    progress = await read_progress(connection, session.pid)
    blockers = () if running.gives_way else (await look(connection, session.pid))[0]
    if blockers:
        phase = progress.phase if progress else ""
        who = ", ".join(each.sentence for each in blockers)
        told = [each.as_dict() for each in blockers]
        session.say("waiting", f"{phase or 'waits'}: {who}", line, blockers=told, phase=phase)
    elif progress is None:
        session.say("progress", f"goes on since {spoken(seconds)}", line, share=None, seconds=seconds)
    else:
        session.say(
            "progress",
            progress.sentence,
            line,
            share=progress.share,
            phase=progress.phase,
            rows=progress.rows,
            seconds=seconds,
        )


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
