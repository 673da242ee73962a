"""What a stack's manifests declare of the business, as plain data that travels to the collector."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nexus.stack import Stack


def declared_kpis(stack: Stack) -> tuple[dict[str, Any], ...]:
    """The KPIs of all services that are on: what `Targets.kpis` holds."""
    return tuple(kpi.as_dict() for service in stack.services for kpi in service.kpis)


def declared_processes(stack: Stack) -> dict[str, dict[str, Any]]:
    """The processes by name: what `Targets.processes` holds."""
    return {name: process.as_dict() for name, process in stack.processes.items()}


def declared_probes(stack: Stack, secret: Callable[[str, str], Path]) -> dict[str, dict[str, Any]]:
    """The probes by name, each with the files of its secrets and those of its services that are off: what
    `Targets.probes` holds. `secret` is where a secret of a service lies.
    """
    return {
        name: {
            "probe": probe.as_dict(),
            "secret_files": {key: str(secret(*text.split("/"))) for key, text in probe.secrets.items()},
            "off": [need for need in probe.needs if not stack.has(need)],
        }
        for name, probe in stack.probes.items()
    }
