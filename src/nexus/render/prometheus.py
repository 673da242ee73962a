"""Stack → what a Prometheus needs to watch it: where to scrape, recorded indicators, and alerts.

Alerts on objectives are those of Google's Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate
Alerts" (https://sre.google/workbook/alerting-on-slos/): the budget burns too fast over a long window, and
still does over a short one.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from nexus.stack import Kpi, Objective, Probe, Process, Stack
from nexus.stack.burning import FAST_BURN, reachable
from nexus.stack.names import OTLP_PORT

SCRAPE, RULES = "prometheus.yml", "rules.yml"
JOB = "nexus"
TOKEN = "/etc/prometheus/nexus_metrics_token"
EVERY = "15s"
SETTLED = "5m"  # how long a KPI must be beyond its limit
RUNS_MISSED = 5  # runs of a probe without a good one

GOOD, EVENTS = "nexus_sli_good_total", "nexus_sli_events_total"
RECORDED = "nexus:sli_errors:ratio_rate{window}"


class Burn(NamedTuple):
    """Alert when the budget burns `factor` times too fast over both windows, or as fast as it can."""

    factor: float
    long: str
    short: str
    severity: str


BURNS = (
    Burn(FAST_BURN, "1h", "5m", "page"),
    Burn(6, "6h", "30m", "page"),
    Burn(3, "1d", "2h", "ticket"),
    Burn(1, "3d", "6h", "ticket"),
)
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
_HEAD = "# Rendered by nexus from nexus.yaml and the modules' manifests: change those, then `nexus render`.\n"


def scrape_config(stack: Stack) -> str:
    """`prometheus.yml`: everything that Nexus knows of the stack, from one endpoint."""
    return _yaml(
        {
            "global": {"scrape_interval": EVERY, "evaluation_interval": EVERY},
            "rule_files": [RULES],
            "scrape_configs": [
                {
                    "job_name": JOB,
                    # Series say themselves of which service and instance they are.
                    "honor_labels": True,
                    "authorization": {"credentials_file": TOKEN},
                    "static_configs": [
                        {"targets": [f"127.0.0.1:{OTLP_PORT}"], "labels": {"stack": stack.name}}
                    ],
                }
            ],
        }
    )


def rules(stack: Stack) -> str:
    """`rules.yml`: the indicators of all objectives over each window, and what somebody must hear of."""
    kpis = [kpi for service in stack.services for kpi in service.kpis if kpi.limit is not None]
    groups = [
        ("nexus-indicators", list(_indicators())),
        ("nexus-objectives", [rule for p in stack.processes.values() for rule in _burning(p)]),
        ("nexus-probes", [_probe_fails(probe) for probe in stack.probes.values()]),
        ("nexus-kpis", [_beyond(kpi) for kpi in kpis]),
        ("nexus-telemetry", [_away()]),
    ]
    return _yaml({"groups": [{"name": name, "rules": told} for name, told in groups if told]})


def _indicators() -> Iterator[dict[str, Any]]:
    for window in WINDOWS:
        good = f"sum by (stack, process, objective) (rate({GOOD}[{window}]))"
        events = f"sum by (stack, process, objective) (rate({EVENTS}[{window}]))"
        yield {"record": RECORDED.format(window=window), "expr": f"1 - {good} / {events}"}


def _burning(process: Process) -> Iterator[dict[str, Any]]:
    """The alerts of a process."""
    for objective in process.objectives:
        for burn in BURNS:
            yield _burns(process, objective, burn)


def _burns(process: Process, objective: Objective, burn: Burn) -> dict[str, Any]:
    allowed, factor = round(1 - objective.target, 9), reachable(burn.factor, objective.target)
    where = f'{{process="{process.name}",objective="{objective.name}"}}'
    over = [
        f"{RECORDED.format(window=window)}{where} > {factor:g} * {allowed:g}"
        for window in (burn.long, burn.short)
    ]
    promise = f"{objective.target * 100:g}%"
    return {
        "alert": "NexusErrorBudgetBurns",
        "expr": " and ".join(over),
        "labels": {
            "severity": burn.severity,
            "process": process.name,
            "objective": objective.name,
            "window": burn.long,
        },
        "annotations": {
            **_told(
                process.title,
                objective.title,
                en="{0}: {1} ({promise}) spends its error budget too fast: over {factor:g} times in {window}",
                pt="{0}: {1} ({promise}) gasta a margem de erro rápido demais: {factor:g} vezes em {window}",
                promise=promise,
                factor=factor,
                window=burn.long,
            ),
            "description": f"{{{{ $value | humanizePercentage }}}} of the events in {burn.long} are bad.",
        },
    }


def _probe_fails(probe: Probe) -> dict[str, Any]:
    window = f"{round(probe.every * RUNS_MISSED)}s"
    failed, good = (
        f'increase(nexus_probe_runs_total{{probe="{probe.name}",outcome="{outcome}"}}[{window}]) > 0'
        for outcome in ("failed", "good")
    )
    return {
        "alert": "NexusProbeFails",
        "expr": f"{failed} unless ignoring (outcome) {good}",
        "labels": {"severity": "page", "process": probe.process, "probe": probe.name},
        "annotations": _told(
            probe.title,
            en="The synthetic transaction {0} fails",
            pt="A transação sintética {0} falha",
        ),
    }


def _beyond(kpi: Kpi) -> dict[str, Any]:
    worse = "<" if kpi.better == "higher" else ">"
    return {
        "alert": "NexusKpiBeyondLimit",
        "expr": f'nexus_kpi{{kpi="{kpi.name}"}} {worse} {kpi.limit:g}',
        "for": SETTLED,
        "labels": {"severity": "ticket", "module": kpi.module, "kpi": kpi.name},
        "annotations": {
            **_told(kpi.title, en="{0} is beyond its limit", pt="{0} está além do limite"),
            "description": f"{{{{ $value }}}} {kpi.unit}; the limit is {kpi.limit:g}.",
        },
    }


def _away() -> dict[str, Any]:
    return {
        "alert": "NexusTelemetryAway",
        "expr": f'up{{job="{JOB}"}} == 0',
        "for": "2m",
        "labels": {"severity": "page"},
        "annotations": {
            "summary": "Nexus cannot be scraped: nobody watches the stack",
            "summary_pt_br": "Nexus não pode ser lido: ninguém observa o sistema",
        },
    }


def _told(*titles: Any, en: str, pt: str, **more: Any) -> dict[str, str]:
    """A summary in English, and in Portuguese where the titles have it."""
    told = {"summary": en.format(*(title.get("en", "") for title in titles), **more)}
    if all("pt-BR" in title for title in titles):
        told["summary_pt_br"] = pt.format(*(title["pt-BR"] for title in titles), **more)
    return told


def _yaml(content: dict[str, Any]) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 4096
    text = StringIO()
    yaml.dump(content, text)
    return _HEAD + text.getvalue()
