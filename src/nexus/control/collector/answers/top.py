"""One compact picture of everything, for the live view."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nexus.control.collector.answers.asked import Asked
from nexus.control.collector.answers.figures import kpis
from nexus.control.collector.answers.processes import processes
from nexus.control.collector.answers.subject import Subject, within
from nexus.telemetry.query import instant

MINUTE = timedelta(minutes=1)
KPI_WINDOW = timedelta(hours=1)
# What is asked of every service: of plain processes, or else of containers.
RESOURCES = {
    "cpu": "sum by (service) (rate(process_cpu_seconds_total[1m]))"
    " or sum by (service) (rate(container_cpu_usage_seconds_total[1m]))",
    "memory": "sum by (service) (process_resident_memory_bytes)"
    " or sum by (service) (container_memory_working_set_bytes)",
    "backlog": "sum by (service) (nexus_outbox_backlog)",
}
LAG = "sum by (group) (redis_stream_group_lag + redis_stream_group_messages_pending)"


def top(subject: Subject, asked: Asked) -> dict[str, Any]:
    """`services`: requests a second, shares and times of the last minute by service, with CPU (cores), memory
    (bytes) and events that wait. `processes` and `kpis` as their own questions answer them.
    """
    now = asked.time("at") or datetime.now(UTC)
    services: dict[str, dict[str, Any]] = {}
    for row in _signals(subject, now):
        services.setdefault(row.pop("service"), {}).update(row)
    for name, expression in RESOURCES.items():
        for labels, value in instant(subject.store, expression, now):
            services.setdefault(labels.get("service", ""), {})[name] = value
    for labels, value in instant(subject.store, LAG, now):
        services.setdefault(labels.get("group", ""), {})["lag"] = value
    recent = Asked.of({"since": (now - KPI_WINDOW).isoformat(), "until": now.isoformat()})
    return {
        "at": now,
        "services": services,
        "kpis": kpis(subject, recent)["kpis"],
        "processes": processes(subject, asked)["processes"],
        "telemetry": subject.store.facts(),
    }


def _signals(subject: Subject, now: datetime) -> list[dict[str, Any]]:
    seconds = MINUTE.total_seconds()
    return subject.rows(
        f"SELECT service, count(status) / {seconds} AS rate, "
        f"count(*) FILTER (status >= 500) / {seconds} AS errors, "
        "quantile_cont(duration_ms, 0.95) FILTER (status IS NOT NULL) AS p95_ms, "
        "count(*) FILTER (severity >= 17) AS log_errors "
        f"FROM logs WHERE {within(now - MINUTE, now + MINUTE)} GROUP BY service"
    )
