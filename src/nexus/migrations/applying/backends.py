"""Sessions of others that hold or want what a migration does, as PostgreSQL tells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nexus.migrations.quoting import literal

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_SEEN = """
WITH held AS (
    SELECT 'blocker' AS part, pid, NULL::oid AS relation, NULL::float8 AS waited
    FROM unnest(pg_blocking_pids($1)) AS pid
    UNION ALL
    SELECT 'waiter', l.pid, l.relation, extract(epoch FROM clock_timestamp() - l.waitstart)::float8
    FROM pg_locks l WHERE NOT l.granted AND l.pid <> $1 AND $1 = ANY(pg_blocking_pids(l.pid))
)
SELECT DISTINCT ON (h.part, h.pid)
    h.part, h.pid, h.waited, a.xact_start, coalesce(a.usename::text, '') AS usename,
    CASE a.backend_type WHEN 'client backend' THEN a.application_name ELSE a.backend_type END AS application,
    coalesce(a.state, '') AS state, left(coalesce(a.query, ''), 200) AS query,
    coalesce(a.backend_type, '') AS backend_type,
    extract(epoch FROM clock_timestamp() - CASE
        WHEN a.state LIKE 'idle in transaction%' THEN a.state_change ELSE a.xact_start END)::float8 AS since,
    coalesce(n.nspname || '.' || c.relname, '') AS relation
FROM held h
LEFT JOIN pg_stat_activity a ON a.pid = h.pid
LEFT JOIN pg_class c ON c.oid = h.relation
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY h.part, h.pid, h.waited DESC NULLS LAST
"""
_STILL = """
SELECT EXISTS (SELECT FROM unnest($1::int[], $2::timestamptz[]) AS b (pid, xact_start)
               JOIN pg_stat_activity a ON a.pid = b.pid AND a.xact_start = b.xact_start)
"""

_PREPARED = """
SELECT DISTINCT p.gid, p.owner::text AS owner,
    extract(epoch FROM clock_timestamp() - p.prepared)::float8 AS since
FROM pg_locks w
JOIN pg_locks h ON h.granted AND h.pid IS NULL AND h.locktype = w.locktype
    AND h.database IS NOT DISTINCT FROM w.database AND h.relation IS NOT DISTINCT FROM w.relation
    AND h.transactionid IS NOT DISTINCT FROM w.transactionid AND h.classid IS NOT DISTINCT FROM w.classid
    AND h.objid IS NOT DISTINCT FROM w.objid
JOIN pg_locks x ON x.pid IS NULL AND x.virtualtransaction = h.virtualtransaction
    AND x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock'
JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE w.pid = $1 AND NOT w.granted
ORDER BY p.gid
"""


@dataclass(frozen=True)
class Backend:
    """One session. `since`: seconds in its state (idle in transaction) or in its transaction.

    `waited`: how long it has waited for a lock, and `relation` for which, where it waits for us. `gid`: of a
    prepared transaction, which has no session any more: its `pid` is 0.
    """

    pid: int
    user: str
    application: str
    state: str
    since: float
    query: str
    waited: float = 0.0
    relation: str = ""
    xact_start: datetime | None = None
    gid: str = ""

    @property
    def end(self) -> str:
        """The SQL that ends its transaction, "" where it is not known."""
        if self.gid:
            return f"ROLLBACK PREPARED {literal(self.gid)}"
        return f"SELECT pg_terminate_backend({self.pid})" if self.pid else ""

    @property
    def sentence(self) -> str:
        """`pid 4711 (app, user crm, idle in transaction since 9 min: SELECT …)`."""
        if self.gid:
            of = f"user {self.user}, " if self.user else ""
            return f"the prepared transaction {self.gid} ({of}since {spoken(self.since)})"
        if not self.pid:
            return "a prepared transaction (see pg_prepared_xacts)"
        who = [self.application, f"user {self.user}" if self.user else ""]
        doing = f"{self.state} since {spoken(self.since)}" if self.state else ""
        query = " ".join(self.query.split())
        if query:
            doing += f": {query if len(query) <= 80 else query[:77] + '...'}"
        return f"pid {self.pid} ({', '.join(part for part in (*who, doing) if part)})"

    def as_dict(self) -> dict[str, Any]:
        """As events tell it."""
        told = asdict(self)
        del told["xact_start"]
        return told


async def look(connection: Connection, pid: int) -> tuple[tuple[Backend, ...], tuple[Backend, ...]]:
    """Who blocks the backend `pid`, and which clients wait for it, the longest wait first."""
    blockers, waiters = [], []
    for row in await connection.fetch(_SEEN, pid):
        backend = Backend(
            row["pid"],
            row["usename"],
            row["application"] or "",
            row["state"],
            max(0.0, row["since"] or 0.0),
            row["query"],
            max(0.0, row["waited"] or 0.0),
            row["relation"],
            row["xact_start"],
        )
        if row["part"] == "blocker":
            blockers.append(backend)
        elif row["backend_type"] == "client backend":
            waiters.append(backend)
    if any(not each.pid for each in blockers):
        prepared = await _prepared(connection, pid)
        blockers = [each for each in blockers if each.pid or not prepared] + prepared
    return tuple(blockers), tuple(sorted(waiters, key=lambda each: -each.waited))


async def _prepared(connection: Connection, pid: int) -> list[Backend]:
    """The prepared transactions whose locks the backend `pid` waits for."""
    return [
        Backend(0, row["owner"], "", "", max(0.0, row["since"]), "", gid=row["gid"])
        for row in await connection.fetch(_PREPARED, pid)
    ]


async def still_there(connection: Connection, backends: Sequence[Backend]) -> bool:
    """Whether one of these transactions goes on; one that cannot be followed is taken to."""
    if any(each.xact_start is None for each in backends):
        return True
    known = [each for each in backends if each.xact_start is not None]
    return bool(await connection.fetchval(_STILL, [e.pid for e in known], [e.xact_start for e in known]))


def spoken(seconds: float) -> str:
    """A duration in words: `0.3 s`, `45 s`, `9 min`, `3 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
