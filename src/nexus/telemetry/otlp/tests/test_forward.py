import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nexus.telemetry.otlp import Forwarder, decode_logs, decode_metrics, decode_traces, feed
from nexus.telemetry.otlp.messages import RESPONSES
from nexus.telemetry.otlp.sending import retry_after
from nexus.telemetry.records import HEALTH, LOGS, POINTS, SPANS
from nexus.telemetry.store import Store
from nexus.testing import eventually

NOW = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)
LOG = {
    "time": NOW,
    "observed": NOW,
    "severity": 13,
    "service": "sales",
    "instance": "sales-1",
    "release": "abc",
    "body": "slow",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
    "method": "GET",
    "path": "/orders/1",
    "route": "/orders/{id}",
    "status": 200,
    "duration_ms": 12.5,
    "attributes": '{"user.id":"u1","nested":{"list":[1,2.5,true,null,"x"]}}',
}
SPAN = {
    "time": NOW,
    "duration_us": 1500,
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
    "parent_id": None,
    "service": "sales",
    "instance": "sales-1",
    "release": "abc",
    "name": "GET /orders",
    "kind": "server",
    "status": "error",
    "attributes": '{"otel.scope.name":"kit","order.id":"o-1","otel.status_description":"no"}',
    "events": '[{"time":"2026-11-25T12:00:00.123457Z","name":"retry","attributes":{"n":1}}]',
    "links": '[{"trace_id":"0af7651916cd43dd8448eb211c80319d","span_id":"b7ad6b7169203332"}]',
}


def points(values: Iterable[tuple[str, str, str, float]], when: datetime = NOW) -> pa.Table:
    rows = [{"time": when, "name": n, "labels": lb, "kind": k, "value": v} for n, lb, k, v in values]
    return pa.Table.from_pylist(rows, POINTS)


class Sink:
    """An OTLP/HTTP endpoint that answers what it is told to, then takes everything."""

    def __init__(self) -> None:
        self.taken: dict[str, list[bytes]] = {"logs": [], "traces": [], "metrics": []}
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.asked: list[float] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.largest = 1 << 30
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/otlp/v1/{signal}", self._take)
        self.server = TestServer(app)

    async def _take(self, request: web.Request) -> web.Response:
        self.asked.append(time.monotonic())
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        body = await request.read()
        if self.answers:
            status, headers = self.answers.pop(0)
            return web.Response(status=status, headers=headers, text="not now")
        if len(body) > self.largest:
            return web.Response(status=413)
        signal: Any = request.match_info["signal"]
        self.taken[signal].append(body)
        return web.Response(body=RESPONSES[signal]().SerializeToString())

    @property
    def url(self) -> str:
        return str(self.server.make_url("/otlp"))


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    made = Sink()
    await made.server.start_server()
    yield made
    await made.server.close()


async def until(condition: Any) -> None:
    await asyncio.to_thread(eventually, condition, 10.0)


async def started(
    store: Store, sink: Sink, headers: Path | None = None
) -> tuple[Forwarder, asyncio.Task[None]]:
    forwarder = Forwarder(store, sink.url, headers, every=0.05, pause=0.1)
    running = asyncio.create_task(forwarder.run())
    await until(lambda: forwarder._places)
    return forwarder, running


async def test_all_signals_arrive_as_they_were_stored(store: Store, sink: Sink) -> None:
    store.append("logs", pa.Table.from_pylist([{**LOG, "body": "before it began"}], LOGS))
    forwarder, running = await started(store, sink)
    store.append("logs", pa.Table.from_pylist([LOG], LOGS))
    store.append("traces", pa.Table.from_pylist([SPAN], SPANS))
    store.append("metrics", points([("up", '{"instance":"sales-1","service":"sales"}', "gauge", 1.0)]))
    store.append("business", points([("nexus_kpi", '{"kpi":"orders"}', "gauge", 7.0)]))
    store.append("health", HEALTH.empty_table())
    await until(lambda: all(each["sent"] == 1 for each in forwarder.facts()["signals"].values()))
    await until(lambda: forwarder.facts()["signals"]["logs"]["behind"] == 0)
    running.cancel()
    assert [len(sink.taken[signal]) for signal in ("logs", "traces", "metrics")] == [1, 1, 2]
    (log,) = decode_logs(sink.taken["logs"][0]).to_pylist()
    assert log | {"observed": NOW, "attributes": "", "duration_ms": 0} == LOG | {
        "attributes": "",
        "duration_ms": 0,
    }
    assert '"nested":{"list":[1,2.5,true,null,"x"]}' in log["attributes"]
    assert '"duration_ms":12.5' in log["attributes"]
    assert decode_traces(sink.taken["traces"][0]).to_pylist() == [SPAN]
    names = {row["name"] for body in sink.taken["metrics"] for row in decode_metrics(body).to_pylist()}
    assert names == {"up", "nexus_kpi"}
    assert forwarder.facts()["signals"]["logs"] == {
        "sent": 1,
        "refused": 0,
        "lost": 0,
        "behind": 0,
        "fault": "",
    }


async def test_it_tries_again_until_the_endpoint_works_and_waits_as_long_as_it_asks(
    store: Store, sink: Sink
) -> None:
    sink.answers = [(503, {"Retry-After": "1"}), (429, {}), (502, {})]
    forwarder, running = await started(store, sink)
    store.append("logs", pa.Table.from_pylist([LOG] * 3, LOGS))
    await until(lambda: "503: not now" in forwarder.facts()["signals"]["logs"]["fault"])
    await until(lambda: sink.taken["logs"])
    running.cancel()
    first, second, third, fourth = sink.asked
    assert second - first >= 1.0
    assert 0.1 <= third - second < 1.0
    assert fourth - third >= 0.2
    assert len(decode_logs(sink.taken["logs"][0])) == 3
    assert forwarder.facts()["signals"]["logs"]["sent"] == 3


async def test_what_is_refused_for_good_is_counted_and_the_next_goes_on(store: Store, sink: Sink) -> None:
    sink.answers = [(400, {})]
    forwarder, running = await started(store, sink)
    store.append("logs", pa.Table.from_pylist([LOG] * 3, LOGS))
    await until(lambda: forwarder.facts()["signals"]["logs"]["refused"] == 3)
    store.append("logs", pa.Table.from_pylist([LOG], LOGS))
    await until(lambda: forwarder.facts()["signals"]["logs"]["sent"] == 1)
    running.cancel()


async def test_rows_that_otlp_cannot_tell_are_counted_and_the_others_arrive(store: Store, sink: Sink) -> None:
    forwarder, running = await started(store, sink)
    odd = {"otel.scope.name": 5, "otel.status_description": 6, "w3c.tracestate": [7]}
    store.append(
        "logs",
        pa.Table.from_pylist([LOG | {"attributes": "[1]"}, LOG | {"attributes": json.dumps(odd)}, LOG], LOGS),
    )
    bad = SPAN | {"trace_id": "no hex"}
    store.append("traces", pa.Table.from_pylist([bad, SPAN | {"attributes": json.dumps(odd)}], SPANS))
    buckets = [
        ("s_bucket", f'{{"le":"{le}"}}', "histogram", v) for le, v in (("+Inf", math.nan), ("abc", 1.0))
    ]
    store.append(
        "metrics", points([*buckets, ("s_count", "{}", "histogram", math.inf), ("up", "{}", "gauge", 1)])
    )
    store.append("business", points([("before", "{}", "gauge", 1)], datetime(1960, 1, 1, tzinfo=UTC)))
    store.append("business", points([("nexus_kpi", "{}", "gauge", 1)]))
    await until(lambda: all(each["sent"] for each in forwarder.facts()["signals"].values()))
    running.cancel()
    facts = forwarder.facts()["signals"]
    assert {signal: (each["sent"], each["refused"]) for signal, each in facts.items()} == {
        "logs": (2, 1),
        "traces": (1, 1),
        "metrics": (1, 3),
        "business": (1, 1),
    }
    assert "no count" in facts["metrics"]["fault"]
    first, _ = decode_logs(sink.taken["logs"][0]).to_pylist()
    assert {name: json.loads(first["attributes"])[name] for name in odd} == odd


async def test_a_signal_that_meets_an_error_goes_on_and_holds_up_no_other(
    store: Store, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(told: Store, signal: Any, *rest: Any) -> feed.Portion:
        if signal == "logs" and breaking:
            raise RuntimeError("nobody thought of it")
        return read(told, signal, *rest)

    read, breaking = feed.read, True
    forwarder, running = await started(store, sink)
    monkeypatch.setattr(feed, "read", broken)
    store.append("logs", pa.Table.from_pylist([LOG], LOGS))
    await until(lambda: "nobody thought" in forwarder.facts()["signals"]["logs"]["fault"])
    store.append("traces", pa.Table.from_pylist([SPAN], SPANS))
    await until(lambda: sink.taken["traces"])
    breaking = False
    await until(lambda: sink.taken["logs"])
    running.cancel()


async def test_the_secret_headers_follow_no_redirect(store: Store, sink: Sink, tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("Authorization: Bearer abc\n")
    sink.answers = [(307, {"Location": "/otlp/v1/elsewhere"})]
    forwarder, running = await started(store, sink, file)
    store.append("logs", pa.Table.from_pylist([LOG], LOGS))
    await until(lambda: "redirects" in forwarder.facts()["signals"]["logs"]["fault"])
    await until(lambda: sink.taken["logs"])
    running.cancel()
    assert sink.paths == ["/otlp/v1/logs"] * 2


async def test_a_request_too_large_is_sent_in_parts(store: Store, sink: Sink) -> None:
    _, running = await started(store, sink)
    lines = [f"line {n} {'x' * 1000}" for n in range(40)]
    rows = [{**LOG, "body": line} for line in lines]
    whole = len("".join(lines))
    sink.largest = whole // 3
    store.append("logs", pa.Table.from_pylist(rows, LOGS))
    await until(lambda: sum(len(decode_logs(body)) for body in sink.taken["logs"]) == 40)
    running.cancel()
    bodies = [row["body"] for body in sink.taken["logs"] for row in decode_logs(body).to_pylist()]
    assert bodies == lines


async def test_it_goes_on_where_it_stopped(store: Store, sink: Sink) -> None:
    forwarder, running = await started(store, sink)
    store.append("logs", pa.Table.from_pylist([{**LOG, "body": "one"}], LOGS))
    await until(lambda: forwarder.facts()["signals"]["logs"]["sent"] == 1)
    running.cancel()
    store.append("logs", pa.Table.from_pylist([{**LOG, "body": "two"}], LOGS))
    _, running = await started(store, sink)
    await until(lambda: len(sink.taken["logs"]) == 2)
    running.cancel()
    bodies = [row["body"] for body in sink.taken["logs"] for row in decode_logs(body).to_pylist()]
    assert bodies == ["one", "two"]


async def test_headers_come_from_the_secret_file(store: Store, sink: Sink, tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("# of the backend\nAuthorization: Bearer abc\nX-Scope: erp\n")
    _, running = await started(store, sink, file)
    store.append("logs", pa.Table.from_pylist([LOG], LOGS))
    await until(lambda: sink.taken["logs"])
    running.cancel()
    assert (sink.headers[0]["Authorization"], sink.headers[0]["X-Scope"]) == ("Bearer abc", "erp")
    assert sink.headers[0]["Content-Encoding"] == "gzip"


async def test_a_histogram_is_one_point_again_though_the_store_keeps_changes_only(
    store: Store, sink: Sink
) -> None:
    def parts(first: float, all_: float, sum_: float) -> list[tuple[str, str, str, float]]:
        labels = '{"service":"sales"}'
        return [
            ("s_bucket", '{"le":"0.5","service":"sales"}', "histogram", first),
            ("s_bucket", '{"le":"+Inf","service":"sales"}', "histogram", all_),
            ("s_sum", labels, "histogram", sum_),
            ("s_count", labels, "histogram", all_),
        ]

    _, running = await started(store, sink)
    store.append("metrics", points(parts(1, 3, 2.5)))
    await until(lambda: len(sink.taken["metrics"]) == 1)
    store.append("metrics", points(parts(1, 4, 3.5), NOW + timedelta(seconds=5)))
    await until(lambda: len(sink.taken["metrics"]) == 2)
    running.cancel()
    found = [
        {(row["name"], row["labels"]): row["value"] for row in decode_metrics(body).to_pylist()}
        for body in sink.taken["metrics"]
    ]
    expected = [
        {(name, labels): value for name, labels, _, value in told}
        for told in (parts(1, 3, 2.5), parts(1, 4, 3.5))
    ]
    assert found == expected


async def test_what_was_dropped_before_it_could_be_sent_is_counted(store: Store, sink: Sink) -> None:
    forwarder, running = await started(store, sink)
    store.append("logs", pa.Table.from_pylist([LOG], LOGS))
    await until(lambda: forwarder.facts()["signals"]["logs"]["sent"] == 1)
    running.cancel()
    store.append("logs", pa.Table.from_pylist([LOG] * 5, LOGS))
    (day,) = store.days("logs")
    store.set_aside(day, store_damage())
    store.append("logs", pa.Table.from_pylist([{**LOG, "body": "after"}], LOGS))
    forwarder, running = await started(store, sink)
    await until(lambda: forwarder.facts()["signals"]["logs"]["sent"] == 1)
    running.cancel()
    assert forwarder.facts()["signals"]["logs"]["lost"] == 5


def store_damage() -> Any:
    import duckdb

    return duckdb.IOException("could not read")


def test_retry_after_is_seconds_or_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert retry_after("7") == 7.0
    assert math.isclose(retry_after(soon.strftime("%a, %d %b %Y %H:%M:%S GMT")), 30.0, abs_tol=2.0)
    assert retry_after("soon") == 0.0
    assert retry_after("") == 0.0
