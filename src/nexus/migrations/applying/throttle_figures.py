"""The figures that backfills make way by: how far replicas are behind, and what the platform feels."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from nexus.migrations.applying.settings import Throttle
from nexus.migrations.applying.throttle import Figures

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

MARKS = 10_000
_STANDBYS = """
SELECT (pg_current_wal_lsn() - '0/0')::bigint AS written, s.pid,
    coalesce(nullif(s.application_name, ''), host(s.client_addr), 'pid ' || s.pid) AS name,
    (s.replay_lsn - '0/0')::bigint AS replayed, extract(epoch FROM s.replay_lag)::float8 AS lag
FROM (SELECT) AS one LEFT JOIN pg_stat_replication s ON s.state = 'streaming' AND s.replay_lsn IS NOT NULL
"""


class Standby(NamedTuple):
    """A replica: how far it has replayed the WAL (bytes), and the lag it reports in seconds."""

    name: str
    replayed: int
    lag: float | None


class Replicas:
    """How long ago what the slowest replica has not replayed yet was written.

    A replica reports its lag only when it replays: one that stands still reports what was. So it is also
    measured from here: when the WAL was at which position.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._marks: deque[tuple[int, float]] = deque(maxlen=MARKS)

    async def read(self, connection: Connection) -> tuple[float | None, str]:
        """The lag in seconds and whose it is; None without replicas."""
        rows = await connection.fetch(_STANDBYS)
        standbys = [Standby(row["name"], row["replayed"], row["lag"]) for row in rows if row["pid"]]
        return self.lag(rows[0]["written"], standbys)

    def lag(self, written: int, standbys: Iterable[Standby]) -> tuple[float | None, str]:
        """The same for what was read; `written`: the WAL's position now."""
        now = self._clock()
        if not self._marks or written > self._marks[-1][0]:
            self._marks.append((written, now))
        lags = [(self._of(each, written, now), each) for each in standbys]
        if not lags:
            self._marks.clear()
            return None, ""
        slowest = min(each.replayed for _, each in lags)
        while self._marks and self._marks[0][0] <= slowest:
            self._marks.popleft()
        lag, standby = max(lags)
        return lag, standby.name

    def _of(self, standby: Standby, written: int, now: float) -> float:
        if standby.replayed >= written:
            return 0.0
        age = next((now - at for position, at in self._marks if position > standby.replayed), 0.0)
        return max(age, standby.lag or 0.0)


async def with_surroundings(
    figures: Figures, connection: Connection, replicas: Replicas, throttle: Throttle
) -> Figures:
    """The figures of a batch with what is read anew: replicas and pressure."""
    lag, name = await replicas.read(connection)
    pressure = await throttle.pressure() if throttle.pressure is not None else 0.0
    return Figures(
        **{**figures.__dict__, "lag": lag, "replica": name, "pressure": min(1.0, max(0.0, pressure))}
    )
