import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nexus.runtimes.containers.engine import Engine
from nexus.telemetry.scrape.containers import ContainerSource
from nexus.telemetry.scrape.series import Registry
from nexus.telemetry.scrape.tests.conftest import FAST, instance
from nexus.telemetry.targets import Targets

# As Docker 29 answers for a container on cgroup v2, shortened.
STATS = {
    "cpu_stats": {
        "cpu_usage": {"total_usage": 2_500_000_000},
        "throttling_data": {"throttled_time": 500_000_000},
    },
    "memory_stats": {"usage": 50_000_000, "limit": 256_000_000, "stats": {"inactive_file": 10_000_000}},
    "pids_stats": {"current": 12},
    "networks": {"eth0": {"rx_bytes": 10, "tx_bytes": 20}, "eth1": {"rx_bytes": 1, "tx_bytes": 2}},
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "read", "value": 7}, {"op": "Read", "value": 1}]},
}


def targets(*containers: str) -> Targets:
    each = tuple(instance(f"s{number}", container=name) for number, name in enumerate(containers))
    return Targets("s", "/", "compose", instances=each)


def current(registry: Registry) -> dict[tuple[str, str], float]:
    return {
        (series.name, json.loads(series.labels)["service"]): series.value
        for series in registry.current(now=1000.0)
    }


@pytest.fixture
async def engine() -> Any:
    async def stats(request: web.Request) -> web.Response:
        assert request.query == {"stream": "false", "one-shot": "true"}
        if request.match_info["id"] == "gone":
            return web.json_response({"message": "No such container: gone"}, status=404)
        if request.match_info["id"] == "stopped":
            return web.json_response({"cpu_stats": {}, "memory_stats": {}, "pids_stats": {}})
        return web.json_response(STATS)

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"ApiVersion": "1.47"})

    app = web.Application()
    app.router.add_get("/{version:v[0-9.]+}/containers/{id}/stats", stats)
    app.router.add_get("/containers/{id}/stats", stats)
    app.router.add_get("/version", version)
    server = TestServer(app)
    await server.start_server()
    yield Engine(environment={"DOCKER_HOST": f"tcp://127.0.0.1:{server.port}"})
    await server.close()


async def test_the_engine_tells_what_each_container_uses(engine: Engine) -> None:
    registry = Registry()
    source = ContainerSource(registry, FAST, engine)
    await source.collect(targets("abc", "gone", "stopped"), 1000.0)
    found = current(registry)
    assert source.fault == ""
    assert {name: value for (name, service), value in found.items() if service == "s0"} == {
        "container_cpu_usage_seconds_total": 2.5,
        "container_cpu_throttled_seconds_total": 0.5,
        "container_memory_usage_bytes": 50_000_000,
        "container_memory_working_set_bytes": 40_000_000,
        "container_spec_memory_limit_bytes": 256_000_000,
        "container_threads": 12,
        "container_restarts_total": 2,
        "container_start_time_seconds": 0.0,
        "container_network_receive_bytes_total": 11,
        "container_network_transmit_bytes_total": 22,
        "container_fs_reads_bytes_total": 8,
        "container_fs_writes_bytes_total": 0,
    }
    assert not any(service == "s1" for _, service in found)
    assert ("container_cpu_usage_seconds_total", "s2") not in found


async def test_an_engine_that_is_away_is_told() -> None:
    source = ContainerSource(Registry(), FAST, Engine(environment={"DOCKER_HOST": "tcp://127.0.0.1:1"}))
    await source.collect(targets("abc"), 1000.0)
    assert "Cannot connect to Docker Engine" in source.fault
