"""Metrics: the kit's own, and the module's, each labelled with the service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Labelled:
    """A metric whose ``service`` label is filled in; ``labels(...)`` takes the others."""

    def __init__(self, metric: Any, service: str) -> None:
        self._metric = metric
        self._service = service

    def labels(self, *values: str, **named: str) -> Any:
        """Return the child for these label values (by position or by name)."""
        if named:
            return self._metric.labels(service=self._service, **named)
        return self._metric.labels(self._service, *values)


class Metrics:
    """The registry of one process."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.requests = self.histogram(
            "nexus_http_request_seconds",
            "Duration of requests by route and status.",
            ["method", "route", "status"],
            buckets=BUCKETS,
        )
        self.in_flight = self.gauge("nexus_http_requests_in_flight", "Requests being answered now.")
        self.handled = Counter(
            "nexus_events_consumed",
            "Events of other modules by what became of them.",
            ["module", "type", "outcome"],
            registry=self.registry,
        )
        self.sent = self.counter("nexus_events_published", "Events sent to the module's stream.")
        self.backlog = self.gauge("nexus_outbox_backlog", "Events in the outbox that are not sent yet.")
        self.connections = self.gauge("nexus_db_connections", "Connections of the database pool.", ["state"])
        self.spans_dropped = self.counter(
            "nexus_spans_dropped", "Spans that could not be sent and were forgotten."
        )
        self.worker_runs = self.counter(
            "nexus_worker_runs", "Runs of background workers.", ["worker", "outcome"]
        )

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Any:
        """Make a counter; with ``labels`` call ``.labels(...)`` on it before ``.inc()``."""
        return self._wrap(Counter(name, text, ["service", *labels], registry=self.registry), labels)

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Any:
        """Make a gauge."""
        return self._wrap(Gauge(name, text, ["service", *labels], registry=self.registry), labels)

    def histogram(
        self, name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = BUCKETS
    ) -> Any:
        """Make a histogram; ``buckets`` are upper bounds."""
        metric = Histogram(name, text, ["service", *labels], registry=self.registry, buckets=buckets)
        return self._wrap(metric, labels)

    def _wrap(self, metric: Any, labels: Sequence[str]) -> Any:
        return Labelled(metric, self.service) if labels else metric.labels(self.service)

    def render(self) -> bytes:
        """Return the exposition in Prometheus' text format."""
        return generate_latest(self.registry)
