"""What a stack's manifests declare of the business, as plain data that travels to the collector."""

from __future__ import annotations

from typing import Any

from nexus.stack import Stack


def declared_kpis(stack: Stack) -> tuple[dict[str, Any], ...]:
    """The KPIs of all services that are on: what `Targets.kpis` holds."""
    return tuple(kpi.as_dict() for service in stack.services for kpi in service.kpis)


def declared_processes(stack: Stack) -> dict[str, dict[str, Any]]:
    """The processes by name: what `Targets.processes` holds."""
    return {name: process.as_dict() for name, process in stack.processes.items()}
