"""CPU, memory and I/O of containers, as their engine tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.telemetry.scrape.sample import Sample
from nexus.telemetry.scrape.series import Registry
from nexus.telemetry.scrape.source import Pace
from nexus.telemetry.targets import Instance, Targets

if TYPE_CHECKING:
    import aiodocker

NANOSECONDS = 1e9


class ContainerSource:
    """Asks the engine of this machine; containers of a Swarm's other nodes are theirs to tell."""

    def __init__(self, registry: Registry, pace: Pace, engine: Engine | None = None) -> None:
        self.every = pace.servers
        self.fault = ""
        self._registry = registry
        self._engine = engine

    async def close(self) -> None:
        return None

    async def collect(self, targets: Targets, at: float) -> None:
        instances = [instance for instance in targets.instances if instance.container]
        if not instances:
            return
        engine = self._engine or Engine()
        try:
            async with engine.api() as client:
                told = await asyncio.gather(*(_stats(client, instance.container) for instance in instances))
        except EngineError as error:
            self.fault = str(error)
            return
        self.fault = ""
        for instance, stats in zip(instances, told, strict=True):
            if stats:
                target = self._registry.target(instance.service, instance.id)
                target.observe(container_samples(instance, stats), at)


async def _stats(client: aiodocker.Docker, container: str) -> Mapping[str, Any]:
    """One look, without the second that the engine waits for a rate; empty for what does not run here."""
    from aiodocker.exceptions import DockerError

    try:
        told: Mapping[str, Any] = await client._query_json(
            f"containers/{container}/stats", params={"stream": "false", "one-shot": "true"}
        )
    except DockerError as error:
        if error.status in (404, 409):
            return {}
        raise
    return told


def container_samples(instance: Instance, stats: Mapping[str, Any]) -> Iterator[Sample]:
    """The engine's figures, named as cAdvisor names them. What the engine does not tell is left out."""
    cpu = stats.get("cpu_stats") or {}
    memory = stats.get("memory_stats") or {}
    usage = (cpu.get("cpu_usage") or {}).get("total_usage")
    if usage is not None:
        yield Sample("container_cpu_usage_seconds_total", {}, usage / NANOSECONDS, "counter")
    throttled = (cpu.get("throttling_data") or {}).get("throttled_time")
    if throttled is not None:
        yield Sample("container_cpu_throttled_seconds_total", {}, throttled / NANOSECONDS, "counter")
    if "usage" in memory:
        cached = (memory.get("stats") or {}).get("inactive_file", 0)
        yield Sample("container_memory_usage_bytes", {}, memory["usage"])
        yield Sample("container_memory_working_set_bytes", {}, max(0, memory["usage"] - cached))
        yield Sample("container_spec_memory_limit_bytes", {}, memory.get("limit", 0))
    threads = (stats.get("pids_stats") or {}).get("current")
    if threads is not None:
        yield Sample("container_threads", {}, threads)
    yield Sample("container_restarts_total", {}, instance.restarts, "counter")
    yield Sample("container_start_time_seconds", {}, instance.since)
    yield from _moved(stats)


def _moved(stats: Mapping[str, Any]) -> Iterator[Sample]:
    networks = (stats.get("networks") or {}).values()
    if networks:
        for ours, theirs in (("receive", "rx_bytes"), ("transmit", "tx_bytes")):
            moved = sum(network.get(theirs, 0) for network in networks)
            yield Sample(f"container_network_{ours}_bytes_total", {}, moved, "counter")
    blocks = (stats.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    for ours, theirs in (("reads", "read"), ("writes", "write")):
        moved = sum(block.get("value", 0) for block in blocks if str(block.get("op", "")).lower() == theirs)
        yield Sample(f"container_fs_{ours}_bytes_total", {}, moved, "counter")
