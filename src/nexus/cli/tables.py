"""Tables for people."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from nexus.cli.language import t

COLOURS = {"ready": "green", "starting": "yellow", "degraded": "yellow", "down": "red"}


def service_table(status: dict[str, Any], addresses: dict[str, str]) -> Table:
    """One row per service: state, address and instances."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("service", "state", "address", "instances", "since", "restarts", "release"):
        table.add_column(t(column), no_wrap=True)
    for service in status["services"]:
        running = [
            instance
            for instance in service["instances"]
            if instance["pid"] or (instance["container"] and instance["state"] != "down")
        ]
        since = min((instance["since"] for instance in running), default=None)
        state = service["state"]
        lacks = ", ".join(service.get("missing", ()))
        address = addresses.get(service["name"]) or (
            f"127.0.0.1:{service['port']}" if service["port"] else ""
        )
        table.add_row(
            service["name"],
            f"[{COLOURS[state]}]{t(state)}[/]" + (f" ({t('missing')}: {lacks})" if lacks else ""),
            address,
            str(len(running)),
            datetime.fromisoformat(since).astimezone().strftime("%d/%m %H:%M:%S") if since else "",
            str(sum(instance["restarts"] for instance in service["instances"])),
            service["release"],
        )
    return table


def services(status: dict[str, Any], addresses: dict[str, str]) -> None:
    """Prints the table of services."""
    console().print(service_table(status, addresses))


def console() -> Console:
    """Where tables are printed: as wide as the terminal; in a pipe as wide as COLUMNS says, else 200."""
    known = sys.stdout.isatty() or os.environ.get("COLUMNS")
    return Console(highlight=False, width=None if known else 200)
