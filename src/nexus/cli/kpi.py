"""`nexus kpi`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from nexus.cli.language import t, title

Name = Annotated[str | None, typer.Argument(help="One KPI, with its history; all when none is named.")]
Since = Annotated[str, typer.Option("--since", help="The time that is looked at.")]
Plot = Annotated[bool, typer.Option("--plot", help="Plot it over time.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def kpi(name: Name = None, since: Since = "24h", plot: Plot = False, as_json: Json = False) -> None:
    """Show the figures of the business, compared with the same time before."""
    from nexus.cli import times
    from nexus.cli.asking import ask

    first, _ = times.window(since, None)
    asked = {"since": first.isoformat() if first else None}
    found = ask("/kpis", asked) if name is None else ask("/kpis/{name}", {**asked, "name": name})
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    elif name is not None:
        _history(found)
    elif plot:
        for each in found["kpis"]:
            _history(ask("/kpis/{name}", {**asked, "name": each["name"]}))
    else:
        _table(found, since)


def _table(found: dict[str, Any], since: str) -> None:
    from nexus.cli.figures import kpi_table
    from nexus.cli.tables import console

    screen = console()
    screen.print(kpi_table(found["kpis"], since, screen.width))
    if not found["kpis"]:
        typer.echo(t("this stack declares no KPIs"))


def _history(found: dict[str, Any]) -> None:
    from nexus.cli.amounts import amount
    from nexus.cli.figures import labels_text
    from nexus.cli.paint import Paint, columns
    from nexus.cli.plots import MOST, plot, sign

    paint, unit, series = Paint.of_terminal(), found["unit"], found["series"]
    typer.echo(
        f"{paint(title(found['title'], found['name']), bold=True)} ({found['module']}, {found['name']})"
    )
    if not series:
        typer.echo(t("no value yet"))
        return
    shown = series[:MOST]
    typer.echo(plot([each["points"] for each in shown], columns(), paint, _at_axis(unit)))
    for index, each in enumerate(shown):
        values = [value for _, value in each["points"] if value is not None]
        told = t(
            "now {now}, least {least}, most {most}",
            now=amount(values[-1], unit),
            least=amount(min(values), unit),
            most=amount(max(values), unit),
        )
        label = labels_text(each["labels"])
        typer.echo(f"{sign(index, paint, len(shown))} {f'{label}: ' if label else ''}{told}")
    if len(series) > MOST:
        typer.echo(t("{count} further series are not drawn", count=len(series) - MOST))


def _at_axis(unit: str) -> Callable[[float], str]:
    """How a value is written where there is little room: signs of money and time stay, words do not."""
    from nexus.cli.amounts import amount

    return lambda value: amount(value, unit).removesuffix(f" {unit}")
