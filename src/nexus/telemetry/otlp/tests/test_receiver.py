import asyncio
import gzip
import io
import json
import os
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from google.protobuf import json_format  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from nexus.telemetry.otlp import Receiver, decode_logs, feed
from nexus.telemetry.otlp import receiver as receiving
from nexus.telemetry.otlp.metrics import Metrics
from nexus.telemetry.records import Signal
from nexus.telemetry.scrape.series import Limits
from nexus.telemetry.store import Store

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
TRACE = "5b8efff798038103d269b633813fc60c"
SPAN = "eee19b7ec3c1b174"


def rows(store: Store, signal: Signal) -> list[dict[str, Any]]:
    return feed.read(store, signal, 0, 10_000).rows


def span_request(count: int = 1, **fields: Any) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    for key, value in {
        "service.name": "sales",
        "service.instance.id": "sales-1",
        "telemetry.sdk.name": "x",
    }.items():
        group.resource.attributes.add(key=key).value.string_value = value
    scope = group.scope_spans.add()
    for _ in range(count):
        span = scope.spans.add(
            trace_id=bytes.fromhex(TRACE), span_id=os.urandom(8), name="POST /orders", kind=2, **fields
        )
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 2_500_000
        span.attributes.add(key="order.id").value.string_value = "o-1"
        span.attributes.add(key="http.response.status_code").value.int_value = 201
    return request


@pytest.fixture
async def receiver(store: Store) -> AsyncIterator[Receiver]:
    made = Receiver(store)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()


async def served(receiver: Receiver) -> TestServer:
    app = web.Application()
    app.add_routes(receiver.routes())
    server = TestServer(app)
    await server.start_server(auto_decompress=False)
    return server


@pytest.fixture
async def client(receiver: Receiver) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(await served(receiver)) as made:
        yield made


async def test_spans_of_protobuf_and_gzip_come_into_the_store(
    client: Any, receiver: Receiver, store: Store
) -> None:
    body = gzip.compress(span_request(3).SerializeToString())
    async with client.post(
        "/v1/traces", data=body, headers={**PROTOBUF, "Content-Encoding": "gzip"}
    ) as answer:
        assert answer.status == 200
        told = ExportTraceServiceResponse.FromString(await answer.read())
    assert not told.partial_success.rejected_spans
    await receiver.flush()
    found = rows(store, "traces")
    assert len(found) == 3
    assert found[0] | {"seq": 0, "time": 0, "span_id": 0} == {
        "seq": 0,
        "time": 0,
        "span_id": 0,
        "duration_us": 2500,
        "trace_id": TRACE,
        "parent_id": None,
        "service": "sales",
        "instance": "sales-1",
        "release": "",
        "name": "POST /orders",
        "kind": "server",
        "status": "unset",
        "attributes": '{"order.id":"o-1","http.response.status_code":201}',
        "events": "",
        "links": "",
    }


async def test_the_example_of_the_specification_in_json_is_understood(
    client: Any, receiver: Receiver, store: Store
) -> None:
    span = {
        "traceId": TRACE.upper(),
        "spanId": SPAN,
        "parentSpanId": "EEE19B7EC3C1B173",
        "name": "I'm a server span",
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "kind": 2,
        "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
        "events": [{"timeUnixNano": "1544712660500000000", "name": "paid", "attributes": []}],
        "links": [{"traceId": TRACE, "spanId": SPAN}],
        "status": {"code": 2, "message": "broken"},
        "notYetInvented": {"x": 1},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]}
    told = {
        "resourceSpans": [
            {"resource": resource, "scopeSpans": [{"scope": {"name": "my.library"}, "spans": [span]}]}
        ]
    }
    async with client.post("/v1/traces", data=json.dumps(told), headers=JSON) as answer:
        assert (answer.status, await answer.json()) == (200, {})
    await receiver.flush()
    (row,) = rows(store, "traces")
    assert (row["trace_id"], row["span_id"], row["parent_id"]) == (TRACE, SPAN, "eee19b7ec3c1b173")
    assert (row["service"], row["status"], row["duration_us"]) == ("my.service", "error", 1_000_000)
    assert json.loads(row["attributes"]) == {
        "otel.scope.name": "my.library",
        "my.span.attr": "some value",
        "otel.status_description": "broken",
    }
    assert json.loads(row["events"]) == [
        {"time": "2018-12-13T14:51:00.500000Z", "name": "paid", "attributes": {}}
    ]
    assert json.loads(row["links"]) == [{"trace_id": TRACE, "span_id": SPAN}]


async def test_spans_without_ids_are_refused_and_the_others_kept(
    client: Any, receiver: Receiver, store: Store
) -> None:
    request = span_request(3)
    request.resource_spans[0].scope_spans[0].spans[1].trace_id = b"short"
    async with client.post("/v1/traces", data=request.SerializeToString(), headers=PROTOBUF) as answer:
        told = ExportTraceServiceResponse.FromString(await answer.read())
    assert told.partial_success.rejected_spans == 1
    assert "trace id" in told.partial_success.error_message
    await receiver.flush()
    assert len(rows(store, "traces")) == 2


@pytest.mark.parametrize(
    ("headers", "body"),
    [(PROTOBUF, b"\xff\xffjunk"), (JSON, b"{no json"), (JSON, b'{"resourceSpans": [{"scopeSpans": 7}]}')],
)
async def test_junk_is_answered_with_a_status_in_the_senders_encoding(
    client: Any, headers: dict[str, str], body: bytes
) -> None:
    async with client.post("/v1/traces", data=body, headers=headers) as answer:
        assert answer.status == 400
        told = await answer.read()
    status = json_format.Parse(told, Status()) if headers is JSON else Status.FromString(told)
    assert status.code == 3
    assert "ExportTraceServiceRequest" in status.message


async def test_what_is_no_gzip_is_refused(client: Any) -> None:
    for body in (b"junk", gzip.compress(span_request().SerializeToString())[:-12]):
        headers = {**PROTOBUF, "Content-Encoding": "gzip"}
        async with client.post("/v1/traces", data=body, headers=headers) as answer:
            assert answer.status == 400


async def test_deep_json_is_refused(client: Any) -> None:
    body = b'{"a":' * 500 + b"1" + b"}" * 500
    async with client.post("/v1/logs", data=body, headers=JSON) as answer:
        assert answer.status == 400


async def test_a_body_beyond_the_limit_is_refused_packed_or_plain(client: Any) -> None:
    bomb = gzip.compress(b"\0" * (9 << 20))
    async with client.post("/v1/logs", data=bomb, headers={**PROTOBUF, "Content-Encoding": "gzip"}) as answer:
        assert answer.status == 400
    async with client.post("/v1/logs", data=io.BytesIO(b"\0" * (9 << 20)), headers=PROTOBUF) as answer:
        assert answer.status == 413


async def test_what_is_neither_encoding_is_refused(client: Any) -> None:
    async with client.post("/v1/traces", data=b"x", headers={"Content-Type": "text/plain"}) as answer:
        assert answer.status == 415
    headers = {**PROTOBUF, "Content-Encoding": "compress"}
    async with client.post("/v1/traces", data=b"x", headers=headers) as answer:
        assert answer.status == 415


async def test_a_full_buffer_asks_to_come_again(store: Store) -> None:
    full = Receiver(store, room=0)
    async with TestClient(await served(full)) as client:
        body = span_request().SerializeToString()
        async with client.post("/v1/traces", data=body, headers=PROTOBUF) as answer:
            assert answer.status == 200
        async with client.post("/v1/traces", data=body, headers=PROTOBUF) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        await full.flush()
        async with client.post("/v1/traces", data=body, headers=PROTOBUF) as answer:
            assert answer.status == 200


async def test_logs_are_acknowledged_when_they_are_stored_and_masked(
    client: Any, receiver: Receiver, store: Store
) -> None:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.add(key="service.name").value.string_value = "crm"
    record = group.scope_logs.add().log_records.add(severity_number=17)
    record.body.string_value = "cannot log in with password=hunter2"
    record.trace_id = bytes.fromhex(TRACE)
    record.time_unix_nano = 1_700_000_000_123_456_789
    for key, value in {"http.request.method": "POST", "url.path": "/x", "api_key": "k-123"}.items():
        record.attributes.add(key=key).value.string_value = value
    record.attributes.add(key="http.response.status_code").value.int_value = 401
    async with client.post("/v1/logs", data=request.SerializeToString(), headers=PROTOBUF) as answer:
        assert answer.status == 200
    (row,) = rows(store, "logs")
    assert (row["severity"], row["method"], row["path"], row["status"]) == (17, "POST", "/x", 401)
    assert (row["trace_id"], row["span_id"]) == (TRACE, None)
    assert row["time"].isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert "hunter2" not in row["body"]
    assert json.loads(row["attributes"]) == {"api_key": "[masked:key]"}


async def test_metrics_get_the_names_that_prometheus_gives_them(
    client: Any, receiver: Receiver, store: Store
) -> None:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.add(key="service.name").value.string_value = "crm"
    scope = group.scope_metrics.add()
    now = time.time_ns()
    counter = scope.metrics.add(name="http.server.requests", unit="1")
    counter.sum.is_monotonic, counter.sum.aggregation_temporality = True, 2
    point = counter.sum.data_points.add(time_unix_nano=now, as_int=5)
    point.attributes.add(key="http.route").value.string_value = "/a"
    seconds = scope.metrics.add(name="http.server.request.duration", unit="s")
    seconds.histogram.aggregation_temporality = 2
    seconds.histogram.data_points.add(
        time_unix_nano=now, count=6, sum=2.5, bucket_counts=[1, 2, 3], explicit_bounds=[0.1, 1.0]
    )
    delta = scope.metrics.add(name="jobs")
    delta.sum.aggregation_temporality = 1
    delta.sum.data_points.add(time_unix_nano=now, as_int=5)
    async with client.post("/v1/metrics", data=request.SerializeToString(), headers=PROTOBUF) as answer:
        told = ExportMetricsServiceResponse.FromString(await answer.read())
    assert told.partial_success.rejected_data_points == 1
    assert "cumulative" in told.partial_success.error_message
    await receiver.flush()
    found = {(row["name"], row["labels"], row["kind"]): row["value"] for row in rows(store, "metrics")}
    assert found == {
        ("http_server_requests_total", '{"http_route":"/a","service":"crm"}', "counter"): 5.0,
        ("http_server_request_duration_seconds_count", '{"service":"crm"}', "histogram"): 6.0,
        ("http_server_request_duration_seconds_sum", '{"service":"crm"}', "histogram"): 2.5,
        ("http_server_request_duration_seconds_bucket", '{"le":"0.1","service":"crm"}', "histogram"): 1.0,
        ("http_server_request_duration_seconds_bucket", '{"le":"1.0","service":"crm"}', "histogram"): 3.0,
        ("http_server_request_duration_seconds_bucket", '{"le":"+Inf","service":"crm"}', "histogram"): 6.0,
    }
    assert {series.name for series in receiver.latest()} == {name for name, _, _ in found}


async def test_opentelemetrys_own_exporter_delivers(client: Any, receiver: Receiver, store: Store) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    def export() -> None:
        provider = TracerProvider(resource=Resource.create({"service.name": "sdk"}))
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(str(client.make_url("/v1/traces")))))
        tracer = provider.get_tracer("own")
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner"):
            pass
        provider.shutdown()

    await asyncio.to_thread(export)
    await receiver.flush()
    inner, outer = rows(store, "traces")
    assert (inner["name"], inner["parent_id"], inner["service"]) == ("inner", outer["span_id"], "sdk")


async def test_at_the_end_what_waits_is_written_and_no_more_is_taken(store: Store) -> None:
    receiver = Receiver(store)
    running = asyncio.create_task(receiver.run())
    async with TestClient(await served(receiver)) as client:
        body = span_request(7).SerializeToString()
        async with client.post("/v1/traces", data=body, headers=PROTOBUF) as answer:
            assert answer.status == 200
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(rows(store, "traces")) == 7
        async with client.post("/v1/traces", data=body, headers=PROTOBUF) as answer:
            assert answer.status == 503


async def test_whatever_hinders_the_store_is_counted_and_told_to_the_senders_of_logs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("nobody thought of it")

    monkeypatch.setattr(store, "append", fail)
    receiver = Receiver(store)
    running = asyncio.create_task(receiver.run())
    async with TestClient(await served(receiver)) as client:
        async with client.post("/v1/traces", data=span_request(7).SerializeToString(), headers=PROTOBUF):
            pass
        request = ExportLogsServiceRequest()
        request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "x"
        async with asyncio.timeout(30):
            async with client.post("/v1/logs", data=request.SerializeToString(), headers=PROTOBUF) as answer:
                assert answer.status == 503
        assert not running.done()
    running.cancel()
    assert store.facts()["drops"] == {"otlp": {"store failed": 7}}


async def test_a_request_that_is_still_read_at_the_end_is_to_come_again(store: Store) -> None:
    receiver = Receiver(store)
    running = asyncio.create_task(receiver.run())
    body = span_request().SerializeToString()
    ended = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:10]
        await ended.wait()
        yield body[10:]

    async with TestClient(await served(receiver)) as client:
        sending = asyncio.create_task(client.post("/v1/traces", data=slowly(), headers=PROTOBUF))
        await asyncio.sleep(0.1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        ended.set()
        answer = await sending
        assert answer.status == 503
    assert not rows(store, "traces")


async def test_an_end_in_the_middle_of_writing_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "EVERY", 0.0)
    begun, append = threading.Event(), store.append

    def slow(*rest: Any) -> None:
        begun.set()
        time.sleep(0.3)
        append(*rest)

    monkeypatch.setattr(store, "append", slow)
    receiver = Receiver(store)
    async with TestClient(await served(receiver)) as client:
        for signal, request in (("traces", span_request()), ("metrics", metric_request(3))):
            async with client.post(f"/v1/{signal}", data=request.SerializeToString(), headers=PROTOBUF):
                pass
        running = asyncio.create_task(receiver.run())
        await asyncio.to_thread(begun.wait, 5.0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (len(rows(store, "traces")), len(rows(store, "metrics"))) == (1, 3)


def metric_request(count: int, instance: str = "a", ago: float = 0.0) -> ExportMetricsServiceRequest:
    """A metric with `count` series."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.add(key="service.instance.id").value.string_value = instance
    metric = group.scope_metrics.add().metrics.add(name="load")
    for number in range(count):
        point = metric.gauge.data_points.add(time_unix_nano=int((time.time() - ago) * 1e9), as_double=1.0)
        point.attributes.add(key="n").value.string_value = str(number)
    return request


def test_series_that_are_gone_make_room_for_others() -> None:
    metrics = Metrics(Limits(target=3, total=3, targets=2))
    now = time.time()
    _, refused, _ = metrics.take(metric_request(5), now)
    assert refused.total() == 2
    assert metrics.registry.facts()["dropped"] == [
        {"service": "unknown_service", "metric": "load", "label": "n", "count": 2}
    ]
    assert metrics.take(metric_request(1, "b"), now)[1].total() == 1
    assert metrics.take(metric_request(1, "c"), now)[1].total() == 1
    assert set(metrics.registry.targets) == {("unknown_service", "a"), ("unknown_service", "b")}
    table, refused, _ = metrics.take(metric_request(2, "c", ago=-400.0), now + 400.0)
    assert (table.num_rows, refused.total()) == (2, 0)
    assert set(metrics.registry.targets) == {("unknown_service", "c")}


def test_a_sender_whose_clock_is_ahead_keeps_no_series_for_ever() -> None:
    metrics = Metrics()
    now = time.time()
    metrics.take(metric_request(3, ago=-1e6), now)
    metrics.take(metric_request(0), now + 400.0)
    assert not metrics.registry.count


async def test_series_without_room_are_told_to_the_sender_and_counted(
    client: Any, receiver: Receiver, store: Store
) -> None:
    receiver._taker.metrics.registry.limits = Limits(target=3)
    body = metric_request(5).SerializeToString()
    async with client.post("/v1/metrics", data=body, headers=PROTOBUF) as answer:
        told = ExportMetricsServiceResponse.FromString(await answer.read())
    assert told.partial_success.rejected_data_points == 2
    (count,) = store.facts()["drops"]["otlp"].values()
    assert count == 2


def test_no_column_keeps_a_secret() -> None:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    for name in ("service.name", "service.instance.id", "service.version"):
        group.resource.attributes.add(key=name).value.string_value = "token=abc123"
    record = group.scope_logs.add().log_records.add()
    for name in ("http.request.method", "url.path", "http.route"):
        record.attributes.add(key=name).value.string_value = "token=abc123"
    (row,) = decode_logs(request.SerializeToString()).to_pylist()
    assert "abc123" not in str(row)
    assert row["route"] == row["instance"] == "token=[masked:token]"
