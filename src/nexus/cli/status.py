"""`nexus status`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.runtimes.home import Home

Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]
Watch = Annotated[bool, typer.Option("--watch", help="Go on showing it, once a second.")]


def status(as_json: Json = False, watch: Watch = False) -> None:
    """Show every service: its state, its address, its instances."""
    if as_json:
        import json

        typer.echo(json.dumps(read(), ensure_ascii=False, indent=2))
        return
    from nexus.cli.tables import services

    if watch:
        _watch()
        return
    found = read()
    services(found, {})
    sentence = "{stack} is ready" if found["ready"] else "{stack} is not ready"
    typer.echo(t(sentence, stack=found["stack"]))
    if recovery := found["recovery"]:
        typer.echo(t(recovery["text"], **recovery["values"]))


def read() -> dict[str, Any]:
    """What the control loop says, or what can be seen without it."""
    from nexus.control.client import Client, ControlError
    from nexus.runtimes.home import Home

    home = Home.at(place.home_path())
    try:
        found: dict[str, Any] = Client(home).get("/v1/status", timeout=10.0)
    except (OSError, ControlError):
        from nexus.control.outside import status_from_outside

        found = status_from_outside(home, place.root())
    return {**found, "recovery": _recovery(home)}


def _recovery(home: Home) -> dict[str, Any] | None:
    """What a disaster would cost, as the control loop saw it just now; None when it saw nothing."""
    from nexus.control.recovering import kept

    standing = kept.read(home)
    if standing is None:
        return None
    return {name: standing[name] for name in ("ok", "verdict", "text", "values")}


def _watch() -> None:
    from rich.live import Live

    from nexus.cli.tables import service_table

    try:
        with Live(service_table(read(), {}), auto_refresh=False) as live:
            while True:
                live.update(service_table(read(), {}), refresh=True)
                time.sleep(1.0)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
