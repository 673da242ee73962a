"""Stack → the files for those who watch it with Prometheus and Grafana."""

from __future__ import annotations

from nexus.render import grafana, prometheus
from nexus.stack import Stack

FOLDER = "observability"


def observability(stack: Stack) -> dict[str, str]:
    """The files by their path: what to scrape, rules and alerts, a dashboard."""
    return {
        f"{FOLDER}/{prometheus.SCRAPE}": prometheus.scrape_config(stack),
        f"{FOLDER}/{prometheus.RULES}": prometheus.rules(stack),
        f"{FOLDER}/{grafana.DASHBOARD}": grafana.dashboard(stack),
    }
