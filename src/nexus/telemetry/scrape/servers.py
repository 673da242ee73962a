"""What is told of every server that is asked over its own protocol: whether it answers, and how fast."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.telemetry.scrape.health import Answer, History
from nexus.telemetry.scrape.sample import Sample
from nexus.telemetry.scrape.series import Registry
from nexus.telemetry.targets import Instance


def observe_server(
    registry: Registry,
    history: History,
    instance: Instance,
    samples: Sequence[Sample] | None,
    seconds: float,
    fault: str,
    at: float,
) -> None:
    """Takes in what a server answered in `seconds`; `samples` is None when it did not, `fault` says why."""
    target = registry.target(instance.service, instance.id)
    up = samples is not None
    target.observe(samples or (), at)
    target.observe(
        (
            Sample("up", {}, float(up)),
            Sample("scrape_duration_seconds", {}, seconds),
            Sample("scrape_samples", {}, len(samples or ())),
        ),
        at,
    )
    answer = Answer(up, seconds * 1000, 0, fault or "accepting connections")
    history.note(instance.service, instance.id, "ready", answer, at)
