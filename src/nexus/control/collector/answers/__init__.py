"""What telemetry answers: one function a question, from a subject and parameters to plain values.

The same functions answer over HTTP and, while no collector runs, inside the command itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nexus.control.collector.answers import (
    evidence,
    figures,
    health,
    logs,
    metrics,
    processes,
    progress,
    statements,
    top,
    traces,
)
from nexus.control.collector.answers.asked import Asked, Misasked
from nexus.control.collector.answers.subject import Subject

Answer = Callable[[Subject, Asked], dict[str, Any]]

# Path of a question → what answers it. A part in braces is a parameter.
ANSWERS: Mapping[str, Answer] = {
    "/logs": logs.logs,
    "/trace/{id}": traces.trace,
    "/traces": traces.traces,
    "/metrics/query": metrics.query,
    "/metrics/instant": metrics.instant,
    "/metrics/names": metrics.names,
    "/kpis": figures.kpis,
    "/kpis/{name}": figures.kpi,
    "/health": health.health,
    "/processes": processes.processes,
    "/top": top.top,
    "/facts": health.facts,
    "/evidence": evidence.sides,
    "/evidence/progress": progress.progress,
    "/sql": statements.sql,
}

__all__ = ["ANSWERS", "Answer", "Asked", "Misasked", "Subject"]
