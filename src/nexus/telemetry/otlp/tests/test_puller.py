import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from nexus.telemetry.agent.allowed import Allowed
from nexus.telemetry.agent.application import application
from nexus.telemetry.agent.spool import Spool
from nexus.telemetry.otlp import Puller, feed
from nexus.telemetry.otlp import puller as pulling
from nexus.telemetry.otlp.puller import KEY
from nexus.telemetry.records import Signal
from nexus.telemetry.store import Store, StoreFull
from nexus.telemetry.targets import Targets
from nexus.testing import eventually

PROTOBUF = "application/x-protobuf"


def spans(*numbers: int) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in numbers:
        span = scope.spans.add(trace_id=b"t" * 16, span_id=number.to_bytes(8, "big"), name=f"span {number}")
        span.start_time_unix_nano = 1_790_000_000_000_000_000
    return bytes(request.SerializeToString())


def logs(text: str) -> bytes:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = text
    return bytes(request.SerializeToString())


def gauge(value: float) -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="load")
    metric.gauge.data_points.add(time_unix_nano=1_790_000_000_000_000_000, as_double=value)
    jobs = request.resource_metrics[0].scope_metrics[0].metrics.add(name="jobs")
    jobs.sum.aggregation_temporality = 1
    jobs.sum.data_points.add(as_int=1)
    return bytes(request.SerializeToString())


class Full(Store):
    """Takes nothing of `signals`."""

    signals: tuple[str, ...] = ("logs", "traces", "metrics")

    def append(self, signal: Signal, *rest: Any) -> None:
        if signal in self.signals:
            raise StoreFull("the disk is full")
        super().append(signal, *rest)


class Agent:
    """The real agent's application, whose spool can be renewed as a restart does."""

    def __init__(self, folder: Path) -> None:
        self._targets = folder / "targets.json"
        self._targets.write_text(json.dumps({"targets": []}))
        self._token = folder / "token"
        self._token.write_text("open-sesame")
        self.spool = Spool()
        self.server: TestServer | None = None

    async def start(self) -> None:
        port = self.server.port if self.server else None
        if self.server:
            await self.server.close()
        self.spool = Spool()
        self.server = TestServer(application(self.spool, Allowed(self._targets), "open-sesame"), port=port)
        await self.server.start_server(auto_decompress=False)

    @property
    def targets(self) -> Targets:
        assert self.server is not None
        url = str(self.server.make_url(""))
        return Targets("s", "/", "compose", agent=url, agent_token=str(self._token))

    def send(self, signal: str, body: bytes) -> None:
        self.spool.add(signal, PROTOBUF, "", body)


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    made = Agent(tmp_path)
    await made.start()
    yield made
    assert made.server is not None
    await made.server.close()


def rows(store: Store, signal: Signal) -> list[dict[str, Any]]:
    return feed.read(store, signal, 0, 10_000).rows


async def stop(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(store: Store, count: int, signal: Signal = "traces") -> list[dict[str, Any]]:
    await asyncio.to_thread(eventually, lambda: len(rows(store, signal)) >= count, 10.0)
    return rows(store, signal)


async def test_everything_arrives_once_and_is_acknowledged(agent: Agent, store: Store) -> None:
    puller = Puller(store)
    puller.aim(agent.targets)
    agent.send("traces", spans(1, 2))
    agent.send("logs", logs("one"))
    running = asyncio.create_task(puller.run())
    await until(store, 2)
    agent.send("traces", spans(3))
    found = await until(store, 3)
    assert [row["name"] for row in found] == ["span 1", "span 2", "span 3"]
    assert [row["body"] for row in rows(store, "logs")] == ["one"]
    await asyncio.to_thread(eventually, lambda: agent.spool.acknowledged == 3, 5.0)
    await stop(running)
    assert store.checkpoints("traces")[KEY] == f"{agent.spool.boot}:3"


async def test_a_puller_that_died_anywhere_doubles_nothing(agent: Agent, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    class DiesBeforeTraces(Store):
        def append(self, signal: Signal, *rest: Any) -> None:
            if signal == "traces":
                raise Killed
            super().append(signal, *rest)

    agent.send("logs", logs("one"))
    agent.send("traces", spans(1))
    dying = DiesBeforeTraces(tmp_path / "t")
    puller = Puller(dying)
    puller.aim(agent.targets)
    with pytest.raises(Killed):
        await asyncio.wait_for(puller.run(), 10.0)
    dying.close()
    agent.send("logs", logs("two"))
    store = Store(tmp_path / "t")
    puller = Puller(store)
    puller.aim(agent.targets)
    running = asyncio.create_task(puller.run())
    await until(store, 1)
    await until(store, 2, "logs")
    await stop(running)
    assert [row["body"] for row in rows(store, "logs")] == ["one", "two"]
    assert [row["name"] for row in rows(store, "traces")] == ["span 1"]
    store.close()


async def test_an_agent_that_restarted_begins_anew(agent: Agent, store: Store) -> None:
    puller = Puller(store)
    puller.aim(agent.targets)
    running = asyncio.create_task(puller.run())
    agent.send("traces", spans(1, 2))
    await until(store, 2)
    puller.aim(Targets("s", "/", "process"))
    await agent.start()
    agent.send("traces", spans(3))
    puller.aim(agent.targets)
    found = await until(store, 3)
    await stop(running)
    assert [row["name"] for row in found] == ["span 1", "span 2", "span 3"]


async def test_junk_of_a_module_is_counted_and_the_rest_goes_on(agent: Agent, store: Store) -> None:
    puller = Puller(store)
    puller.aim(agent.targets)
    agent.send("traces", b"\xff\xffjunk")
    agent.send("traces", spans(1))
    running = asyncio.create_task(puller.run())
    await until(store, 1)
    await stop(running)
    assert store.facts()["drops"] == {"otlp": {"undecodable": 1}}


async def test_what_cannot_be_kept_stays_with_the_agent(agent: Agent, tmp_path: Path) -> None:
    store = Full(tmp_path / "full")
    puller = Puller(store)
    puller.aim(agent.targets)
    agent.send("traces", spans(1))
    running = asyncio.create_task(puller.run())
    await asyncio.to_thread(eventually, lambda: "disk is full" in puller.facts()["fault"], 5.0)
    assert agent.spool.acknowledged == 0
    await stop(running)
    store.signals = ()
    running = asyncio.create_task(puller.run())
    await until(store, 1)
    await stop(running)
    assert puller.facts()["fault"] == ""
    store.close()


async def test_metrics_that_the_store_refused_arrive_later_and_refusals_count_once(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "PAUSE", 0.05)
    store = Full(tmp_path / "full")
    store.signals = ("metrics",)
    puller = Puller(store)
    puller.aim(agent.targets)
    agent.send("logs", logs("one"))
    agent.send("metrics", gauge(7.0))
    agent.send("traces", spans(1))
    running = asyncio.create_task(puller.run())
    await asyncio.to_thread(eventually, lambda: "disk is full" in puller.facts()["fault"], 5.0)
    await asyncio.sleep(0.3)
    store.signals = ()
    await until(store, 1)
    await stop(running)
    assert [row["value"] for row in rows(store, "metrics")] == [7.0]
    assert len(rows(store, "logs")) == 1
    (count,) = store.facts()["drops"]["otlp"].values()
    assert count == 1
    assert puller.facts()["refused"]["metrics"] == 1
    store.close()


async def test_what_the_agent_dropped_is_counted_once_whoever_restarts(
    agent: Agent, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "WAIT", 0.1)
    for dropped, after in ((3, True), (3, True), (5, False)):
        agent.spool.dropped = dropped
        if after:
            agent.send("traces", spans(dropped))
        puller = Puller(store)
        puller.aim(agent.targets)
        running = asyncio.create_task(puller.run())
        await asyncio.to_thread(eventually, lambda: puller.facts()["agent_dropped"] == dropped, 5.0)  # noqa: B023
        await asyncio.sleep(0.1)
        await stop(running)
    assert store.facts()["drops"] == {"otlp": {"not fetched in time": 5}}
