"""Everything current of a stack as one exposition: scraped metrics, the business, and telemetry itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import web

from nexus.business.points import Point, label_text
from nexus.telemetry.federation import CONTENT_TYPE, exposition

if TYPE_CHECKING:
    from nexus.control.collector.collector import Collector

OWN = {
    "nexus_telemetry_rows": "Rows kept, by signal.",
    "nexus_telemetry_bytes": "Bytes on disk, by signal.",
    "nexus_telemetry_disk_free_bytes": "Free bytes of the disk that telemetry is kept on.",
    "nexus_telemetry_dropped_total": "What was not kept, by service and reason.",
    "nexus_telemetry_log_lag_bytes": "Bytes of logs that are written and not yet taken in, by source.",
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
        *await asyncio.to_thread(
            lambda: list(own_figures(collector.store.facts(), collector.intake.facts()))
        ),
    ]
    response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
    await response.prepare(request)
    async for piece in exposition(series, {**collector.scraper.helps, **OWN}):
        await response.write(piece)
    await response.write_eof()
    return response


def own_figures(store: dict[str, Any], intake: dict[str, Any]) -> Iterator[Point]:
    """Telemetry's figures of itself, from what its store and its intake say."""
    now = time.time()

    def gauge(name: str, value: float, **labels: str) -> Point:
        return Point(name, label_text(labels), "gauge", value, now)

    for signal, facts in store["signals"].items():
        yield gauge("nexus_telemetry_rows", facts["rows"], signal=signal)
        yield gauge("nexus_telemetry_bytes", facts["bytes"], signal=signal)
    yield gauge("nexus_telemetry_disk_free_bytes", store["disk"]["free"])
    for service, reasons in store["drops"].items():
        for why, count in reasons.items():
            labels = label_text({"service": service, "reason": why})
            yield Point("nexus_telemetry_dropped_total", labels, "counter", count, now)
    for key, source in intake["sources"].items():
        yield gauge("nexus_telemetry_log_lag_bytes", source["behind_bytes"], source=key)
