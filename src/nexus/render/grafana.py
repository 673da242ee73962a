"""Stack → a Grafana dashboard of it: its processes first, then KPIs, then the machinery."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nexus.render.panels import Panel, Query, laid_out, row
from nexus.stack import Kpi, Process, Stack
from nexus.stack.burning import FAST_BURN, reachable

DASHBOARD = "dashboard.json"
MARK = "Rendered by nexus: change the manifests, then `nexus render`"
SCHEMA = 39  # of Grafana 11; later ones migrate it
UNITS = {
    "%": "percent",
    "BRL": "currencyBRL",
    "USD": "currencyUSD",
    "EUR": "currencyEUR",
    "s": "s",
    "ms": "ms",
    "h": "h",
    "requests/s": "reqps",
    "bytes": "bytes",
}

_SERVICE = 'service=~"$service"'
_REQUESTS = "nexus_http_request_seconds"


def dashboard(stack: Stack) -> str:
    """`dashboard.json`, to be imported or provisioned."""
    panels: list[Panel] = []
    for process in stack.processes.values():
        panels += [row(_title(process.title)), *_process(process, stack)]
    for service in stack.services:
        if service.kpis:
            panels += [row(f"KPIs: {_title(service.title)}"), *map(_kpi, service.kpis)]
    panels += [row("Golden signals"), *_golden(), row("Events"), *_events()]
    panels += [row("Database"), *_database(), row("Telemetry"), *_telemetry()]
    content = {
        "description": MARK,
        "title": f"Nexus: {stack.title.get('en', stack.name)}",
        "uid": f"nexus-{stack.name}"[:40],
        "tags": ["nexus"],
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "schemaVersion": SCHEMA,
        "templating": {"list": [*_variables()]},
        "panels": laid_out(panels),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _title(title: Mapping[str, str]) -> str:
    english, portuguese = title.get("en", ""), title.get("pt-BR", "")
    return f"{english} / {portuguese}" if portuguese and portuguese != english else english


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    yield {
        "name": "service",
        "type": "query",
        "label": "Service",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "definition": f"label_values({_REQUESTS}_count, service)",
        "query": {"query": f"label_values({_REQUESTS}_count, service)", "refId": "services"},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _process(process: Process, stack: Stack) -> Iterator[Panel]:
    me = f'process="{process.name}"'
    if process.objectives:
        by = "by (objective)"
        yield Panel(
            "Indicator (SLI)",
            "stat",
            [
                Query(
                    f"sum {by} (increase(nexus_sli_good_total{{{me}}}[$__range]))"
                    f" / sum {by} (increase(nexus_sli_events_total{{{me}}}[$__range]))",
                    "{{objective}}",
                )
            ],
            "percentunit",
            told=_promises(process),
        )
        yield Panel(
            "Error budget left (28 d)",
            "bargauge",
            [Query(f"nexus_error_budget_remaining{{{me}}}", "{{objective}}")],
            "percentunit",
            steps=((None, "red"), (0.0, "orange"), (0.25, "green")),
            most=1.0,
        )
        yield Panel(
            "Burn rate",
            "timeseries",
            [Query(f'nexus_burn_rate{{{me},window=~"5m|1h|6h|3d"}}', "{{objective}} {{window}}")],
            "short",
            steps=((None, "green"), (1.0, "orange"), (_fast(process), "red")),
        )
    if process.value:
        yield Panel(
            "Value at risk per hour",
            "stat",
            [Query(f"nexus_value_at_risk_per_hour{{{me}}}", "{{currency}}")],
            UNITS.get(_worth(process, stack), "short"),
        )
    if any(probe.process == process.name for probe in stack.probes.values()):
        yield Panel(
            "Synthetic transaction, by step",
            "timeseries",
            [Query(f'nexus_probe_seconds{{{me},step!=""}}', "{{step}}")],
            "s",
            stacked=True,
        )
        yield Panel(
            "Synthetic transaction, runs that failed",
            "timeseries",
            [Query(f'increase(nexus_probe_runs_total{{{me},outcome="failed"}}[5m])', "{{probe}}")],
            "short",
        )


def _fast(process: Process) -> float:
    """The burn rate from which the first of its objectives is spent fast."""
    return min(reachable(FAST_BURN, objective.target) for objective in process.objectives)


def _promises(process: Process) -> str:
    return "; ".join(f"{_title(each.title)}: {each.target * 100:g}%" for each in process.objectives)


def _worth(process: Process, stack: Stack) -> str:
    units = {kpi.name: kpi.unit for service in stack.services for kpi in service.kpis}
    return units.get(process.value, "")


def _kpi(kpi: Kpi) -> Panel:
    legend = " ".join(f"{{{{{label}}}}}" for label in kpi.labels) or kpi.name
    steps: list[tuple[float | None, str]] = [(None, "green")]
    if kpi.limit is not None:
        worse, better = ("red", "green") if kpi.better == "higher" else ("green", "red")
        steps = [(None, worse), (kpi.limit, better)]
    return Panel(
        _title(kpi.title),
        "timeseries",
        [Query(f'nexus_kpi{{kpi="{kpi.name}"}}', legend)],
        UNITS.get(kpi.unit, "short"),
        axis="" if kpi.unit in UNITS else kpi.unit,
        steps=tuple(steps),
        told=f"Better: {kpi.better}."
        + (f" Limit: {kpi.limit:g} {kpi.unit}." if kpi.limit is not None else ""),
    )


def _golden() -> Iterable[Panel]:
    by = "by (service)"
    count = f"{_REQUESTS}_count{{{_SERVICE}}}"
    bad = f'{_REQUESTS}_count{{{_SERVICE},status=~"5.."}}'
    buckets = f"{_REQUESTS}_bucket{{{_SERVICE}}}"
    yield _lines("Traffic", f"sum {by} (rate({count}[5m]))", "{{service}}", "reqps")
    yield _lines(
        "Errors", f"sum {by} (rate({bad}[5m])) / sum {by} (rate({count}[5m]))", "{{service}}", "percentunit"
    )
    yield _lines(
        "Latency (p95)",
        f"histogram_quantile(0.95, sum by (service, le) (rate({buckets}[5m])))",
        "{{service}}",
        "s",
    )
    yield _lines(
        "Saturation: processor",
        f"sum {by} (rate(process_cpu_seconds_total{{{_SERVICE}}}[5m]))"
        f" or sum {by} (rate(container_cpu_usage_seconds_total{{{_SERVICE}}}[5m]))",
        "{{service}}",
        "short",
        axis="cores",
    )
    yield _lines(
        "Saturation: memory",
        f"sum {by} (process_resident_memory_bytes{{{_SERVICE}}})"
        f" or sum {by} (container_memory_working_set_bytes{{{_SERVICE}}})",
        "{{service}}",
        "bytes",
    )
    yield _lines(
        "Users at the edge, by status",
        "sum by (status_class) (rate(nexus_edge_requests_total[5m]))",
        "{{status_class}}",
        "reqps",
    )


def _events() -> Iterable[Panel]:
    yield _lines("Events not read yet, by reader", "redis_stream_group_lag", "{{stream}} → {{group}}")
    yield _lines(
        "Events read and not handled", "redis_stream_group_messages_pending", "{{stream}} → {{group}}"
    )
    yield _lines("Events not sent yet", "sum by (service) (nexus_outbox_backlog)", "{{service}}")


def _database() -> Iterable[Panel]:
    yield _lines("Connections, by state", "sum by (state) (pg_stat_activity_count)", "{{state}}")
    yield _lines("Sessions that wait for a lock", "pg_locks_waiting", "{{service}}")
    yield _lines(
        "Transactions",
        "sum by (datname) (rate(pg_stat_database_xact_commit[5m]))",
        "{{datname}}",
        axis="transactions/s",
    )
    yield _lines("Cache hit ratio", "pg_cache_hit_ratio", "{{datname}}", "percentunit")
    yield _lines("Oldest transaction", "pg_oldest_transaction_age_seconds", "{{service}}", "s")
    yield _lines("Size", "pg_database_size_bytes", "{{datname}}", "bytes")


def _telemetry() -> Iterable[Panel]:
    yield _lines(
        "What was dropped",
        "sum by (service, reason) (increase(nexus_telemetry_dropped_total[5m]))",
        "{{service}}: {{reason}}",
    )
    yield _lines("Logs not read yet", "nexus_telemetry_log_lag_bytes", "{{source}}", "bytes")
    yield _lines("On disk", "nexus_telemetry_bytes", "{{signal}}", "bytes")


def _lines(title: str, expr: str, legend: str, unit: str = "short", axis: str = "") -> Panel:
    return Panel(title, "timeseries", [Query(expr, legend)], unit, axis=axis)
