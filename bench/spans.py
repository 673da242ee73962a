"""What a span costs a module: the kit's own recording beside OpenTelemetry's SDK, tuned for the same work.

    .venv/bin/python bench/spans.py [--spans 20000]

CPU time of one process, microseconds per span: a server span below a caller with four attributes and one
event, made, ended, encoded as OTLP and sent over HTTP to a receiver in another process.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BURST, PAUSE_S = 200, 0.02  # made at once, and the rest between: as fast as either side can send
ATTRIBUTES = {
    "http.request.method": "POST",
    "http.route": "/api/sales/orders",
    "url.path": "/api/sales/orders",
    "http.response.status_code": 201,
}
EVENT = {"messaging.message.id": "0199aaaa-0000-7000-8000-000000000001"}
RECEIVER = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--spans", type=int, default=20_000)
    options.add_argument("--only", choices=SIDES, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.only:
        SIDES[asked.only](asked.spans)
        return
    receiver = subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True)
    try:
        assert receiver.stdout is not None
        endpoint = f"http://127.0.0.1:{receiver.stdout.readline().strip()}"
        for side in SIDES:  # each in a process of its own
            subprocess.run(
                [sys.executable, __file__, "--only", side, "--spans", str(asked.spans)],
                env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
                check=True,
            )
    finally:
        receiver.kill()


def kit(count: int) -> None:
    """The kit's spans and exporter."""
    from nexus_kit import tracing
    from nexus_kit.otlp import Exporter
    from nexus_kit.settings import Settings

    async def run() -> None:
        dropped: list[int] = []
        exporter = Exporter(Settings.from_env("bench"), dropped.append)
        tracing.record(exporter.offer)
        exporter.start()
        cpu = time.process_time()
        for number in range(count):
            span = tracing.enter("POST", TRACEPARENT, None)
            span.note(ATTRIBUTES)
            span.happened("publish order.confirmed", EVENT)
            tracing.end(span)
            if number % BURST == BURST - 1:
                await asyncio.sleep(PAUSE_S)
        made = time.process_time() - cpu
        await exporter.stop(30.0)
        _tell("nexus_kit", count - sum(dropped), made, time.process_time() - cpu)

    asyncio.run(run())


def sdk(count: int) -> None:
    """The SDK with its batch processor, without what we do not need of it (propagators, current context)."""
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    provider = TracerProvider(sampler=ALWAYS_ON)
    provider.add_span_processor(
        BatchSpanProcessor(
            OTLPSpanExporter(),
            max_queue_size=count + 1,
            schedule_delay_millis=1000,
            max_export_batch_size=256,
        )
    )
    tracer = provider.get_tracer("bench")
    cpu = time.process_time()
    for number in range(count):
        caller = trace.SpanContext(
            int(TRACEPARENT[3:35], 16), int(TRACEPARENT[36:52], 16), True, trace.TraceFlags(1)
        )
        parent = trace.set_span_in_context(trace.NonRecordingSpan(caller), Context())
        span = tracer.start_span("POST", parent, trace.SpanKind.SERVER, record_exception=False)
        span.set_attributes(ATTRIBUTES)
        span.add_event("publish order.confirmed", EVENT)
        span.end()
        if number % BURST == BURST - 1:
            time.sleep(PAUSE_S)
    made = time.process_time() - cpu
    provider.shutdown()
    _tell("opentelemetry-sdk", count, made, time.process_time() - cpu)


def _tell(name: str, count: int, made: float, whole: float) -> None:
    each = (
        f"{whole / count * 1e6:6.1f} us a span ({count} of them, {made / count * 1e6:.1f} us before the stop)"
    )
    print(f"{name:18} {each}", flush=True)


SIDES: dict[str, Callable[[int], None]] = {"kit": kit, "sdk": sdk}

if __name__ == "__main__":
    main()
