"""Spans: made where work is done, in the right trace, in the log, and never in anyone's way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_kit import tracing
from nexus_kit.database import Database
from nexus_kit.otlp import QUEUE, Exporter
from nexus_kit.otlp_wire import export_request, resource
from nexus_kit.settings import Settings
from nexus_kit.spans import Kind, Span
from nexus_kit.testing import ModuleProcess, OtlpSink, PostgresServer, ValkeyServer, modules
from nexus_kit.testing.keys import COMPANY, KeyServer
from nexus_kit.testing.otlp_sink import spans_of
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .conftest import ECHO

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture(scope="module")
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traced(
    pg: PostgresServer, valkey: ValkeyServer, key_server: KeyServer, sink: OtlpSink
) -> AsyncIterator[ModuleProcess]:
    async with modules(pg, valkey, key_server) as start:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint}
        other = await start("echo", folder=ECHO, env=env)
        yield await start("echo", folder=ECHO, env=env, needs={"other": other.url})


@pytest.fixture
def ended() -> Iterator[list[Span]]:
    spans: list[Span] = []
    tracing.record(spans.append)
    yield spans
    tracing.record(None)


async def received(sink: OtlpSink, name: str, trace_id: str, count: int = 1) -> list[Any]:
    """Wait for that many spans of a name in a trace."""
    await asyncio.to_thread(sink.wait, lambda: len(sink.named(name, trace_id)) >= count)
    return sink.named(name, trace_id)


async def get(module: ModuleProcess, path: str, traceparent: str = TRACEPARENT) -> int:
    headers = module.headers() | {"traceparent": traceparent}
    async with module.http.get(path, headers=headers) as answer:
        await answer.read()
        return answer.status


def exporter(endpoint: str, dropped: list[int]) -> Exporter:
    return Exporter(Settings.from_env("x", {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}), dropped.append)


def some_spans(count: int) -> list[Span]:
    return [tracing.start("work", None, Kind.INTERNAL) for _ in range(count)]


async def test_a_request_is_a_span_below_its_caller_and_its_log_line_carries_the_same_ids(
    traced: ModuleProcess, sink: OtlpSink
) -> None:
    assert await get(traced, "/api/echo/notes?limit=1") == 200
    (span,) = await received(sink, "GET /api/echo/notes", TRACE)
    assert (span.service, span.kind, span.parent_id, span.failed) == ("echo", Kind.SERVER, PARENT, False)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/api/echo/notes",
        "url.path": "/api/echo/notes",
        "http.response.status_code": 200,
    }
    assert 0 < span.ended - span.started < 10e9

    async def logged() -> bool:
        lines = [json.loads(line) for line in traced.logs().split("\n") if line]
        return (TRACE, span.span_id) in [(line["trace_id"], line["span_id"]) for line in lines]

    await traced.wait(logged)


async def test_what_fails_on_our_side_is_marked_and_probes_leave_no_span(
    traced: ModuleProcess, sink: OtlpSink
) -> None:
    for path in ("/health/live", "/health/ready", "/health/business", "/metrics"):
        assert await get(traced, path) == 200
    assert await get(traced, "/api/echo/notes/none") == 422
    assert await get(traced, "/api/echo/broken") == 500
    (broken,) = await received(sink, "GET /api/echo/broken", TRACE)
    assert broken.failed
    (refused,) = sink.named("GET /api/echo/notes/{note_id}", TRACE)
    assert not refused.failed
    assert not [span for span in sink.spans if "health" in span.name or "metrics" in span.name]


async def test_a_call_to_another_module_is_a_span_between_the_two_requests(
    traced: ModuleProcess, sink: OtlpSink
) -> None:
    trace = uuid4().hex
    assert await get(traced, "/api/echo/relayed", f"00-{trace}-{PARENT}-01") == 200
    (outer,) = await received(sink, "GET /api/echo/relayed", trace)
    (call,) = await received(sink, "GET other", trace)
    (inner,) = await received(sink, "GET /internal/whoami", trace)
    assert (call.kind, call.parent_id, inner.parent_id) == (Kind.CLIENT, outer.span_id, call.span_id)
    assert call.attributes["http.response.status_code"] == 200


async def test_an_event_goes_on_in_the_trace_of_what_caused_it(traced: ModuleProcess, sink: OtlpSink) -> None:
    trace, entity = uuid4().hex, uuid4()
    await traced.publish("source", "ping", entity, {"order_id": str(entity)}, trace=f"00-{trace}-{PARENT}-01")
    (handled,) = await received(sink, "handle ping", trace)
    assert (handled.kind, handled.parent_id) == (Kind.CONSUMER, PARENT)
    assert handled.attributes["order_id"] == str(entity)
    assert handled.moments == ("publish ping.seen",)
    (seen,) = await traced.events("ping.seen")
    assert seen.trace == f"00-{trace}-{handled.span_id}-01"


@pytest.mark.parametrize("apart", [None, f"00-{'a' * 32}-{PARENT}-01"])
async def test_a_fact_is_shown_in_its_trace_once_it_is_committed_and_never_when_it_is_rolled_back(
    database: Database, ended: list[Span], apart: str | None
) -> None:
    async def tell(fails: bool) -> None:
        async with database.transaction(COMPANY) as tx:
            with tracing.span("work"):
                await tx.publish("pinged", uuid4(), {}, trace=apart, noted={"order_id": "o-1"})
            assert ended == []
            if fails:
                raise ValueError("it does not happen")

    with pytest.raises(ValueError, match="does not happen"):
        await tell(fails=True)
    (work,) = ended
    assert (work.name, work.moments, work.links) == ("work", [], [])
    ended.clear()
    await tell(fails=False)
    work = next(span for span in ended if span.name == "work")
    if apart is None:
        assert [moment.name for moment in work.moments] == ["publish pinged"]
        assert work.started <= work.moments[0].at <= work.ended
        return
    told = next(span for span in ended if span.name == "publish pinged")
    assert (told.trace_id, told.attributes) == ("a" * 32, {"order_id": "o-1"})
    assert [link.span_id for link in work.links] == [told.span_id]


async def test_each_event_of_a_batch_has_a_span_in_its_own_trace(
    traced: ModuleProcess, sink: OtlpSink
) -> None:
    traces = [uuid4().hex for _ in range(5)]
    for trace in traces:
        await traced.publish("source", "batch.ping", trace=f"00-{trace}-{PARENT}-01")
    for trace in traces:
        (span,) = await received(sink, "handle batch.ping", trace)
        assert (span.parent_id, span.failed) == (PARENT, False)


async def test_an_event_that_fails_marks_its_span_and_one_that_is_early_does_not(
    traced: ModuleProcess, sink: OtlpSink
) -> None:
    bad, early = uuid4().hex, uuid4().hex
    await traced.publish("source", "bad.ping", trace=f"00-{bad}-{PARENT}-01")
    await traced.publish("other", "child", trace=f"00-{early}-{PARENT}-01")
    assert all(span.failed for span in await received(sink, "handle bad.ping", bad, count=2))
    waited = (await received(sink, "handle child", early, count=2))[0]
    assert (waited.failed, waited.moments) == (False, ("not yet",))


async def test_work_on_a_thing_runs_in_its_trace_linked_with_the_request_that_does_it(
    ended: list[Span],
) -> None:
    request = tracing.enter("POST", None, None)
    request.started -= 1_000_000
    with tracing.continuing(TRACEPARENT, "confirm order", order_id="o-1"):
        assert tracing.current_trace_id() == TRACE
    assert tracing.current() is request
    tracing.end(request)
    work, _ = ended
    assert (work.trace_id, work.parent_id, work.started) == (TRACE, PARENT, request.started)
    assert [link.span_id for link in work.links] == [request.span_id]
    assert [(link.trace_id, link.span_id) for link in request.links] == [(TRACE, work.span_id)]
    assert request.trace_id != TRACE
    assert work.attributes["order_id"] == request.attributes["order_id"] == "o-1"


async def test_a_worker_is_recorded_when_something_came_of_its_run(ended: list[Span]) -> None:
    async def run(traceparents: list[str]) -> None:
        with tracing.span("worker reconcile", kept=False):
            for number, traceparent in enumerate(traceparents):
                with tracing.continuing(traceparent, "payment", Kind.PRODUCER, order_id=f"o-{number}"):
                    pass

    await asyncio.create_task(run([]))
    assert ended == []
    await asyncio.create_task(run([TRACEPARENT, f"00-{'a' * 32}-{PARENT}-01"]))
    assert [span.name for span in ended] == ["payment", "payment", "worker reconcile"]
    assert [link.attributes["order_id"] for link in ended[2].links] == ["o-0", "o-1"]
    assert "order_id" not in ended[2].attributes


@pytest.mark.parametrize(
    "junk", ["", "00-", TRACEPARENT.upper(), f"00-{'0' * 32}-{PARENT}-01", f"{TRACEPARENT}\n"]
)
async def test_a_traceparent_that_is_none_starts_a_trace_of_its_own(junk: str) -> None:
    span = tracing.enter("GET", junk, None)
    assert (span.parent_id, span.request_id) == ("", span.trace_id)
    assert span.traceparent == f"00-{span.trace_id}-{span.span_id}-01"
    assert int(span.trace_id, 16)


async def test_requests_on_one_connection_do_not_inherit_each_others_trace() -> None:
    first = tracing.enter("GET", None, None)
    second = tracing.enter("GET", None, None)
    assert second.parent_id == ""
    assert second.trace_id != first.trace_id


async def test_what_ends_just_before_the_stop_is_sent_and_the_stop_is_quick(
    start_echo: Any, sink: OtlpSink
) -> None:
    echo = await start_echo(env={"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint})
    trace = uuid4().hex
    assert await get(echo, "/api/echo/open", f"00-{trace}-{PARENT}-01") == 200
    assert await echo.stop() == 0
    assert sink.named("GET /api/echo/open", trace)


async def test_nobody_who_takes_spans_disturbs_nobody_and_is_logged_once(start_echo: Any) -> None:
    with OtlpSink() as away:
        away.status = 503
        echo = await start_echo(env={"OTEL_EXPORTER_OTLP_ENDPOINT": away.endpoint})
        trace = uuid4().hex
        assert await get(echo, "/api/echo/open", f"00-{trace}-{PARENT}-01") == 200
        await asyncio.to_thread(away.wait, lambda: away.tries >= 2)
        assert await get(echo, "/api/echo/open") == 200
        assert echo.logs().count("spans cannot be sent") == 1
        away.status = 200
        await received(away, "GET /api/echo/open", trace)
        assert len(away.named("GET /api/echo/open", trace)) == 1
        away.status = 400
        assert await get(echo, "/api/echo/open") == 200
        text = ""
        while 'nexus_spans_dropped_total{service="echo"} 0.0' in text or not text:
            async with echo.http.get("/metrics") as answer:
                text = await answer.text()
            await asyncio.sleep(0.02)
        assert "nexus_spans_dropped_total" in text


async def test_the_queue_is_bounded_and_what_does_not_fit_is_counted() -> None:
    dropped: list[int] = []
    full = exporter("http://127.0.0.1:9", dropped)
    for span in some_spans(QUEUE + 5):
        full.offer(span)
    assert sum(dropped) == 5
    full.start()
    await asyncio.wait_for(full.stop(2.0), 3.0)
    assert sum(dropped) == QUEUE + 5


ATTRIBUTE = st.one_of(st.text(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
ATTRIBUTES = st.dictionaries(st.text(min_size=1), ATTRIBUTE, max_size=6)


@given(name=st.text(), attributes=ATTRIBUTES, child=st.booleans(), error=st.sampled_from(["", "ValueError"]))
@settings(max_examples=50, deadline=None)
def test_opentelemetrys_own_messages_read_what_is_written(
    name: str, attributes: dict[str, Any], child: bool, error: str
) -> None:
    span = tracing.start(name, TRACEPARENT if child else None, Kind.CONSUMER)
    other = tracing.start("other", None, Kind.SERVER)
    span.note(attributes)
    span.happened(name, attributes)
    span.link(other, attributes)
    span.error, span.ended = error, span.started + 5
    body = export_request(resource({"service.name": "sales"}), [span, other])
    request = ExportTraceServiceRequest.FromString(body)
    size = request.ByteSize()
    request.DiscardUnknownFields()
    assert request.ByteSize() == size
    seen, _ = spans_of(request)
    assert (seen.service, seen.name, seen.kind, seen.failed) == ("sales", name, Kind.CONSUMER, bool(error))
    assert (seen.trace_id, seen.span_id, seen.parent_id) == (span.trace_id, span.span_id, span.parent_id)
    assert (seen.started, seen.ended, seen.attributes) == (span.started, span.ended, attributes)
    assert seen.moments == (name,)
    assert seen.links == ((other.trace_id, other.span_id, attributes),)


async def test_a_batch_that_cannot_be_encoded_is_dropped_and_the_next_one_is_sent() -> None:
    dropped: list[int] = []
    with OtlpSink() as sink:
        sending = exporter(sink.endpoint, dropped)
        (bad,) = some_spans(1)
        bad.trace_id = "not hexadecimal"
        sending.offer(bad)
        sending.start()
        await asyncio.wait_for(dropping(dropped), 5.0)
        (good,) = some_spans(1)
        sending.offer(good)
        await sending.stop(5.0)
        assert ([span.span_id for span in sink.spans], dropped) == ([good.span_id], [1])


async def dropping(dropped: list[int]) -> None:
    while not dropped:
        await asyncio.sleep(0.02)


async def test_many_spans_go_in_batches_and_text_that_utf8_cannot_carry_is_no_trouble() -> None:
    dropped: list[int] = []
    with OtlpSink() as sink:
        sending = exporter(sink.endpoint, dropped)
        sending.start()
        for span in some_spans(1000):
            span.note({"text": "\ud800" + "x" * 5000, "big": 1 << 70, "yes": True, "share": 0.5})
            sending.offer(span)
        await sending.stop(5.0)
        assert (len(sink.spans), dropped) == (1000, [])
        assert len(sink.spans[0].attributes["text"]) == 1024
        assert sink.spans[0].attributes["big"] == str(1 << 70)
        assert (sink.spans[0].attributes["yes"], sink.spans[0].attributes["share"]) == (True, 0.5)
