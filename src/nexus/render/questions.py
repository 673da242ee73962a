"""What the instances of a service are asked over HTTP by whoever collects telemetry."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.stack import Service

OWN_PROTOCOL = ("postgres", "valkey")  # asked in their own words, not over HTTP
METRICS = {
    "python": "/metrics",
    "node": "/metrics",
    "haproxy": "/metrics?no-maint",  # without the places that no server has
}


@dataclass(frozen=True)
class Questions:
    """Paths on the port of an instance; "" for what it is not asked."""

    metrics: str = ""
    live: str = ""
    ready: str = ""
    business: str = ""


def questions(service: Service) -> Questions:
    """Return what is asked of a service's instances. Pure."""
    if service.runtime in OWN_PROTOCOL:
        return Questions()
    return Questions(
        metrics=METRICS.get(service.runtime, "")
        if service.health.metrics is None
        else service.health.metrics,
        live=service.health.live,
        ready=service.health.ready,
        business=service.health.business or "",
    )
