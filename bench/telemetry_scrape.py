"""What metrics and spans cost the collector: reading expositions, an explosion of labels, decoding OTLP.

    .venv/bin/python bench/telemetry_scrape.py

CPU time of one process. The peer of our reader is Prometheus' own for Python, on the same text.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from nexus.telemetry.otlp import decode_traces
from nexus.telemetry.scrape.exposition import read
from nexus.telemetry.scrape.series import Registry

ROUNDS = 5
SERIES, EXPLOSION, SPANS = 2_000, 100_000, 5_000


def resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def best(work: Callable[[], object]) -> float:
    """Milliseconds of CPU time, the best of some rounds."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times) * 1000


def exposition() -> str:
    lines = ["# HELP proxy_requests_total Requests.", "# TYPE proxy_requests_total counter"]
    lines += [
        f'proxy_requests_total{{proxy="p{n % 20}",server="s{n}",code="2xx"}} {n}' for n in range(SERIES)
    ]
    return "\n".join(lines) + "\n"


def explosion() -> str:
    return "\n".join(f'hits_total{{route="/a",user="{n:08d}-aaaa-bbbb"}} 1' for n in range(EXPLOSION))


def spans() -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "sales"
    scope = group.scope_spans.add()
    for _ in range(SPANS):
        span = scope.spans.add(
            trace_id=os.urandom(16), span_id=os.urandom(8), name="GET /orders/{id}", kind=2
        )
        span.parent_span_id = os.urandom(8)
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000
        for key in ("http.request.method", "url.path", "http.route", "order.id", "user.id"):
            span.attributes.add(key=key).value.string_value = str(uuid.uuid4())
        span.attributes.add(key="http.response.status_code").value.int_value = 200
    return bytes(request.SerializeToString())


def main() -> None:
    registry = Registry()
    at = iter(range(1, 1_000_000))

    def take(service: str, text: str) -> Callable[[], object]:
        target = registry.target(service, "")
        return lambda: asyncio.run(read(registry, target, text, float(next(at)))) and registry.take()

    text = exposition()
    ours, theirs = best(take("gateway", text)), best(lambda: list(text_string_to_metric_families(text)))
    print(
        f"{SERIES:,} known series: {ours:.1f} ms; prometheus_client needs {theirs / ours:.0f} times as long"
    )
    before, exploding = resident(), explosion()
    held = resident()
    cost = best(take("sales", exploding))
    kept = registry.facts()["dropped"]
    print(f"{EXPLOSION:,} label values: {cost:.0f} ms a scrape, {resident() - held:.0f} MB more, {kept}")
    print(f"(the text itself: {held - before:.0f} MB)")
    payload = spans()
    decoding = best(lambda: decode_traces(payload))
    print(f"{SPANS:,} spans: {decoding / SPANS * 1000:.1f} µs each, decoded, masked and in Arrow")


if __name__ == "__main__":
    main()
