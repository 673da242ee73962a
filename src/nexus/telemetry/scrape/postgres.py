"""PostgreSQL's own figures, over one kept connection of the role that may read but not write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.telemetry.scrape.health import History
from nexus.telemetry.scrape.postgres_queries import QUERIES, Query
from nexus.telemetry.scrape.sample import Kind, Sample
from nexus.telemetry.scrape.series import Registry
from nexus.telemetry.scrape.servers import observe_server
from nexus.telemetry.scrape.source import Pace, of_runtime, sentence
from nexus.telemetry.targets import Instance, ServiceTarget, Targets

if TYPE_CHECKING:
    import asyncpg

CHECK_URL = "check_url"
SETTINGS = {
    "application_name": "nexus telemetry",
    "statement_timeout": "2000",
    "lock_timeout": "500",
    "default_transaction_read_only": "on",
    "jit": "off",
}


class PostgresSource:
    """Every database server whose address for checks is known."""

    def __init__(self, registry: Registry, history: History, pace: Pace) -> None:
        self.every = pace.servers
        self._registry = registry
        self._history = history
        self._pace = pace
        self._servers: dict[str, _Server] = {}

    @property
    def faults(self) -> dict[str, str]:
        """What a server did not answer, by its instance."""
        return {name: server.fault for name, server in self._servers.items() if server.fault}

    async def close(self) -> None:
        for server in self._servers.values():
            await server.close()
        self._servers.clear()

    async def collect(self, targets: Targets, at: float) -> None:
        asked = [(s, i) for s, i in of_runtime(targets, "postgres") if CHECK_URL in s.secret_files]
        for name in set(self._servers) - {instance.id for _, instance in asked}:
            await self._servers.pop(name).close()
        await asyncio.gather(*(self._one(service, instance, at) for service, instance in asked))

    async def _one(self, service: ServiceTarget, instance: Instance, at: float) -> None:
        server = self._servers.setdefault(instance.id, _Server(self._pace))
        began = time.perf_counter()
        samples = await server.ask(Path(service.secret_files[CHECK_URL]))
        seconds = time.perf_counter() - began
        observe_server(self._registry, self._history, instance, samples, seconds, server.fault, at)


class _Server:
    """One server's connection, and what the last look at it told."""

    def __init__(self, pace: Pace) -> None:
        self.fault = ""
        self._pace = pace
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._sized = float("-inf")
        self._cache: dict[str, tuple[float, float]] = {}

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def ask(self, url: Path) -> list[Sample] | None:
        """Everything that is due; None when the server cannot be asked. A question it refuses is told in
        `fault`, the others are asked.
        """
        import asyncpg

        try:
            async with asyncio.timeout(2 * self._pace.timeout):
                connection = await self._connected(url)
                return await self._due(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
            self.fault = sentence(error)
            await self.close()
            return None

    async def _connected(self, url: Path) -> asyncpg.Connection[asyncpg.Record]:
        import asyncpg

        if self._connection is None or self._connection.is_closed():
            dsn = (await asyncio.to_thread(url.read_text)).strip()
            self._connection = await asyncpg.connect(
                dsn, timeout=self._pace.timeout, server_settings=SETTINGS, command_timeout=3.0
            )
        return self._connection

    async def _due(self, connection: asyncpg.Connection[asyncpg.Record]) -> list[Sample]:
        import asyncpg

        now = time.monotonic()
        sizes = now - self._sized >= self._pace.sizes
        told = connection.get_server_version()
        version = told.major * 10_000 + told.minor
        samples: list[Sample] = []
        refused = ""
        for query in QUERIES:
            if (query.sizes and not sizes) or not query.since <= version < query.until:
                continue
            try:
                rows = await connection.fetch(query.sql)
            except (
                asyncpg.InsufficientPrivilegeError,
                asyncpg.QueryCanceledError,
                asyncpg.LockNotAvailableError,
                asyncpg.UndefinedColumnError,
                asyncpg.UndefinedTableError,
            ) as error:
                refused = refused or f"{query.name}: {sentence(error)}"
                continue
            samples += samples_of(query, rows)
        if sizes:
            self._sized = now
        self.fault = refused
        return [*samples, *self._hit_ratios(samples)]

    def _hit_ratios(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """The part of blocks found in shared buffers since the last look; nothing while none was asked."""
        read: dict[str, dict[str, float]] = {}
        for sample in samples:
            if sample.name in ("pg_stat_database_blks_hit", "pg_stat_database_blks_read"):
                read.setdefault(sample.labels["datname"], {})[sample.name[-4:]] = sample.value
        for database, blocks in read.items():
            hit, missed = blocks["_hit"], blocks["read"]
            hit_before, missed_before = self._cache.get(database, (0.0, 0.0))
            self._cache[database] = (hit, missed)
            asked = (hit - hit_before) + (missed - missed_before)
            if asked > 0 and hit >= hit_before:
                yield Sample("pg_cache_hit_ratio", {"datname": database}, (hit - hit_before) / asked)


def samples_of(query: Query, rows: Iterable[asyncpg.Record]) -> Iterator[Sample]:
    """Rows as samples: text columns are labels, numbers are values, NULLs are left out."""
    for row in rows:
        labels = {name: value for name, value in row.items() if isinstance(value, str)}
        for name, value in row.items():
            if value is None or isinstance(value, str):
                continue
            counted = name in query.counters or name.endswith("_total")
            kind: Kind = "counter" if counted else "gauge"
            metric = query.name if name == "value" else f"{query.name}_{name}"
            yield Sample(metric, labels, float(value), kind)
