"""`nexus health`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nexus.cli.language import t

Services = Annotated[list[str] | None, typer.Argument(help="The services; all when none is named.")]
Since = Annotated[str, typer.Option("--since", help="How far back changes are shown.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def health(services: Services = None, since: Since = "1h", as_json: Json = False) -> None:
    """Show what every instance answers about its health, what changed, and how telemetry itself does."""
    from nexus.cli import times
    from nexus.cli.asking import ask

    first, _ = times.window(since, None)
    named: dict[str, str | list[str] | None] = {"service": list(services or ())}
    found = ask("/health", named | {"since": first.isoformat() if first else None})
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    _print(found, since)


def _print(found: dict[str, Any], since: str) -> None:
    from nexus.cli.healthview import change_lines, own_lines, state_lines
    from nexus.cli.paint import Paint

    paint = Paint.of_terminal()
    lines = state_lines(found["now"], paint)
    typer.echo("\n".join(lines) if lines else t("nobody was asked within the last minutes"))
    changes = change_lines(found["changes"], paint)
    if changes:
        typer.echo("\n".join(["", t("changes within {since}", since=since), *changes]))
    typer.echo("\n".join(["", *own_lines(found["facts"])]))
