"""Everything current of a stack as one exposition: scraped metrics, the business, and telemetry itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import web

from nexus.business.point import Point, label_text
from nexus.control.recovering import kept as recovery
from nexus.control.recovering.metrics import HELPS, figures
from nexus.telemetry.federation import CONTENT_TYPE, exposition

if TYPE_CHECKING:
    from nexus.control.collector.collector import Collector

OWN = {
    "nexus_telemetry_rows": "Rows kept, by signal.",
    "nexus_telemetry_bytes": "Bytes on disk, by signal.",
    "nexus_telemetry_disk_free_bytes": "Free bytes of the disk that telemetry is kept on.",
    "nexus_telemetry_dropped_total": "What was not kept, by service and reason.",
    "nexus_telemetry_log_lag_bytes": "Bytes of logs that are written and not yet taken in, by source.",
    "nexus_telemetry_otlp_rows_total": "Rows taken in by OTLP, by signal and the way they came.",
    "nexus_telemetry_otlp_refused_total": "What OTLP's senders were refused, by signal and the way it came.",
    "nexus_telemetry_otlp_waiting_bytes": "Bytes taken in by OTLP that wait to be written.",
    "nexus_telemetry_otlp_series": "Series that are current, by the way they came.",
    "nexus_telemetry_otlp_agent_dropped_total": "Requests that nobody fetched from the agent in time.",
    "nexus_telemetry_series_dropped_total": "Series that found no room, by service and metric.",
    "nexus_telemetry_forwarded_rows_total": "Rows sent on, refused or lost before that, by signal.",
    "nexus_telemetry_forward_behind_rows": "Rows that are still to be sent on, by signal.",
    **HELPS,
}


async def federate(collector: Collector, request: web.Request) -> web.StreamResponse:
    """Answers Prometheus, piece by piece."""
    series: list[Any] = [
        *collector.scraper.latest(),
        *collector.receiver.latest(),
        *collector.puller.latest(),
        *collector.figures.latest(),
        *collector.objectives.latest(),
        *collector.probes.latest(),
        *otlp_figures(collector.receiver.facts(), collector.puller.facts()),
        *(forward_figures(collector.forwarder.facts()) if collector.forwarder else ()),
        *await asyncio.to_thread(
            lambda: list(own_figures(collector.store.facts(), collector.intake.facts()))
        ),
    ]
    if standing := await asyncio.to_thread(recovery.read, collector.home):
        series += figures(standing)
    response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
    await response.prepare(request)
    async for piece in exposition(series, {**collector.scraper.helps, **OWN}):
        await response.write(piece)
    await response.write_eof()
    return response


def own_figures(store: dict[str, Any], intake: dict[str, Any]) -> Iterator[Point]:
    """Telemetry's figures of itself, from what its store and its intake say."""
    for signal, facts in store["signals"].items():
        yield _gauge("nexus_telemetry_rows", facts["rows"], signal=signal)
        yield _gauge("nexus_telemetry_bytes", facts["bytes"], signal=signal)
    yield _gauge("nexus_telemetry_disk_free_bytes", store["disk"]["free"])
    for service, reasons in store["drops"].items():
        for why, count in reasons.items():
            yield _counter("nexus_telemetry_dropped_total", count, service=service, reason=why)
    for key, source in intake["sources"].items():
        yield _gauge("nexus_telemetry_log_lag_bytes", source["behind_bytes"], source=key)


def otlp_figures(receiver: dict[str, Any], puller: dict[str, Any]) -> Iterator[Point]:
    """What came by OTLP: sent to the collector (`receiver`), and fetched from the agent."""
    yield _gauge("nexus_telemetry_otlp_waiting_bytes", receiver["waiting_bytes"])
    yield _counter("nexus_telemetry_otlp_agent_dropped_total", puller["agent_dropped"])
    for way, facts in (("receiver", receiver), ("agent", puller)):
        for signal, count in facts["taken"].items():
            yield _counter("nexus_telemetry_otlp_rows_total", count, through=way, signal=signal)
        for signal, count in facts["refused"].items():
            yield _counter("nexus_telemetry_otlp_refused_total", count, through=way, signal=signal)
        yield _gauge("nexus_telemetry_otlp_series", facts["series"], through=way)
        for drop in facts["dropped"]:
            labels = {"service": drop["service"], "metric": drop["metric"], "through": way}
            yield _counter("nexus_telemetry_series_dropped_total", drop["count"], **labels)


def forward_figures(forwarder: dict[str, Any]) -> Iterator[Point]:
    """What was sent on to another endpoint."""
    for signal, facts in forwarder["signals"].items():
        for result in ("sent", "refused", "lost"):
            yield _counter(
                "nexus_telemetry_forwarded_rows_total", facts[result], signal=signal, result=result
            )
        yield _gauge("nexus_telemetry_forward_behind_rows", facts["behind"], signal=signal)


def _gauge(name: str, value: float, **labels: str) -> Point:
    return Point(name, label_text(labels), "gauge", value, time.time())


def _counter(name: str, value: float, **labels: str) -> Point:
    return Point(name, label_text(labels), "counter", value, time.time())
