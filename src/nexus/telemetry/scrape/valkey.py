"""Valkey and Redis: INFO and the lag of streams, named as redis_exporter names them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from nexus.telemetry.scrape.health import History
from nexus.telemetry.scrape.sample import Kind, Sample
from nexus.telemetry.scrape.series import Registry
from nexus.telemetry.scrape.servers import observe_server
from nexus.telemetry.scrape.source import Pace, of_runtime, sentence
from nexus.telemetry.targets import Instance, ServiceTarget, Targets

if TYPE_CHECKING:
    from valkey.asyncio import Valkey

REDIS_URL = "redis_url"
MOST_STREAMS = 50
MOST_GROUPS = 20  # of one stream
SCANS = 20
SCAN_COUNT = 500

# INFO's field -> (metric, kind)
FIELDS: dict[str, tuple[str, Kind]] = {
    "uptime_in_seconds": ("redis_uptime_in_seconds", "gauge"),
    "connected_clients": ("redis_connected_clients", "gauge"),
    "blocked_clients": ("redis_blocked_clients", "gauge"),
    "maxclients": ("redis_config_maxclients", "gauge"),
    "used_memory": ("redis_memory_used_bytes", "gauge"),
    "used_memory_peak": ("redis_memory_used_peak_bytes", "gauge"),
    "used_memory_rss": ("redis_memory_used_rss_bytes", "gauge"),
    "maxmemory": ("redis_memory_max_bytes", "gauge"),
    "mem_fragmentation_ratio": ("redis_mem_fragmentation_ratio", "gauge"),
    "total_connections_received": ("redis_connections_received_total", "counter"),
    "rejected_connections": ("redis_rejected_connections_total", "counter"),
    "total_commands_processed": ("redis_commands_processed_total", "counter"),
    "instantaneous_ops_per_sec": ("redis_instantaneous_ops_per_sec", "gauge"),
    "total_net_input_bytes": ("redis_net_input_bytes_total", "counter"),
    "total_net_output_bytes": ("redis_net_output_bytes_total", "counter"),
    "expired_keys": ("redis_expired_keys_total", "counter"),
    "evicted_keys": ("redis_evicted_keys_total", "counter"),
    "keyspace_hits": ("redis_keyspace_hits_total", "counter"),
    "keyspace_misses": ("redis_keyspace_misses_total", "counter"),
    "loading": ("redis_loading_dump_file", "gauge"),
    "rdb_changes_since_last_save": ("redis_rdb_changes_since_last_save", "gauge"),
    "rdb_last_save_time": ("redis_rdb_last_save_timestamp_seconds", "gauge"),
    "aof_enabled": ("redis_aof_enabled", "gauge"),
    "aof_current_size": ("redis_aof_current_size_bytes", "gauge"),
    "connected_slaves": ("redis_connected_slaves", "gauge"),
    "master_repl_offset": ("redis_master_repl_offset", "gauge"),
    "used_cpu_sys": ("redis_cpu_sys_seconds_total", "counter"),
    "used_cpu_user": ("redis_cpu_user_seconds_total", "counter"),
}
STATES = {
    "rdb_last_bgsave_status": "redis_rdb_last_bgsave_status",
    "aof_last_write_status": "redis_aof_last_write_status",
    "aof_last_bgrewrite_status": "redis_aof_last_bgrewrite_status",
    "master_link_status": "redis_master_link_up",
}
WELL = ("ok", "up")


class ValkeySource:
    """Every cache whose address is known."""

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
        asked = [(s, i) for s, i in of_runtime(targets, "valkey", "redis") if REDIS_URL in s.secret_files]
        for name in set(self._servers) - {instance.id for _, instance in asked}:
            await self._servers.pop(name).close()
        await asyncio.gather(*(self._one(service, instance, at) for service, instance in asked))

    async def _one(self, service: ServiceTarget, instance: Instance, at: float) -> None:
        server = self._servers.setdefault(instance.id, _Server(self._pace))
        began = time.perf_counter()
        address = instance.address or service.stable
        samples = await server.ask(Path(service.secret_files[REDIS_URL]), address)
        seconds = time.perf_counter() - began
        observe_server(self._registry, self._history, instance, samples, seconds, server.fault, at)


class _Server:
    """One server's connection, and the streams that it is known to hold."""

    def __init__(self, pace: Pace) -> None:
        self.fault = ""
        self._pace = pace
        self._client: Valkey | None = None
        self._streams: list[str] = []
        self._searched = float("-inf")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def ask(self, url: Path, address: str) -> list[Sample] | None:
        """Everything at once; None, and `fault` tells why, when the server cannot be asked."""
        from valkey.exceptions import ValkeyError

        try:
            async with asyncio.timeout(self._pace.timeout):
                client = await self._connected(url, address)
                samples = list(info_samples(await client.info()))
                await self._search(client)
                samples += await self._stream_samples(client)
        except (ValkeyError, OSError, TimeoutError, ValueError) as error:
            self.fault = sentence(error)
            await self.close()
            return None
        self.fault = ""
        return samples

    async def _connected(self, url: Path, address: str) -> Valkey:
        from valkey.asyncio import Valkey

        if self._client is None:
            told = (await asyncio.to_thread(url.read_text)).strip()
            self._client = Valkey.from_url(
                reached(told, address),
                decode_responses=True,
                encoding_errors="replace",
                single_connection_client=True,
                socket_timeout=self._pace.timeout,
                socket_connect_timeout=self._pace.timeout,
                client_name="nexus-telemetry",
            )
        return self._client

    async def _search(self, client: Valkey) -> None:
        """Looks now and then which streams there are; a bounded walk over the keys."""
        now = time.monotonic()
        if now - self._searched < self._pace.sizes:
            return
        cursor, found = 0, set[str]()
        for _ in range(SCANS):
            cursor, names = await client.scan(cursor, count=SCAN_COUNT, _type="stream")
            found.update(names)
            if not cursor or len(found) >= MOST_STREAMS:
                break
        self._streams = sorted(found)[:MOST_STREAMS]
        self._searched = now

    async def _stream_samples(self, client: Valkey) -> list[Sample]:
        if not self._streams:
            return []
        pipeline = client.pipeline(transaction=False)
        for stream in self._streams:
            pipeline.xlen(stream)
            pipeline.xinfo_groups(stream)
        answers = await pipeline.execute(raise_on_error=False)
        samples: list[Sample] = []
        for stream, length, groups in zip(self._streams, answers[::2], answers[1::2], strict=True):
            if isinstance(length, int):
                samples.append(Sample("redis_stream_length", {"stream": stream}, length))
            if isinstance(groups, list):
                samples += group_samples(stream, groups)
        return samples


def reached(url: str, address: str) -> str:
    """The server's URL with the address under which this machine reaches it."""
    parts = urlsplit(url)
    if not address or parts.scheme == "unix":
        return url
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return urlunsplit(parts._replace(netloc=f"{login}{address}"))


def info_samples(info: Mapping[str, Any]) -> Iterator[Sample]:
    """INFO as metrics; fields that this server does not have are left out."""
    for field, (name, kind) in FIELDS.items():
        value = info.get(field)
        if isinstance(value, int | float):
            yield Sample(name, {}, float(value), kind)
    for field, name in STATES.items():
        if field in info:
            yield Sample(name, {}, float(info[field] in WELL))
    for database, told in info.items():
        if database.startswith("db") and isinstance(told, Mapping):
            yield Sample("redis_db_keys", {"db": database}, float(told.get("keys", 0)))
            yield Sample("redis_db_keys_expiring", {"db": database}, float(told.get("expires", 0)))


def group_samples(stream: str, groups: Sequence[Mapping[str, Any]]) -> Iterator[Sample]:
    """How far each group of readers is behind; the lag is left out where the server does not know it."""
    for group in groups[:MOST_GROUPS]:
        labels = {"stream": stream, "group": str(group["name"])}
        yield Sample("redis_stream_group_consumers", labels, float(group["consumers"]))
        yield Sample("redis_stream_group_messages_pending", labels, float(group["pending"]))
        if group.get("lag") is not None:
            yield Sample("redis_stream_group_lag", labels, float(group["lag"]))
