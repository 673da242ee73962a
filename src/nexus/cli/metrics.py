"""`nexus metrics`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from nexus.cli.language import t

Query = Annotated[str | None, typer.Argument(help="PromQL; without it the names of all metrics.")]
Since = Annotated[
    str | None, typer.Option("--since", help="How far back its values over time go; 1h when not named.")
]
Step = Annotated[str | None, typer.Option("--step", help="Time between two points, such as 30s.")]
Plot = Annotated[bool, typer.Option("--plot", help="Plot it over time.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def metrics(
    query: Query = None, since: Since = None, step: Step = None, plot: Plot = False, as_json: Json = False
) -> None:
    """Ask metrics in PromQL: what they are now, or with --plot, --step or --since over time."""
    from nexus.cli import times
    from nexus.cli.asking import ask

    begin, _ = times.window(since, None)
    spacing = times.amount(step, "--step") if step is not None else None
    if query is None:
        _print_names(ask("/metrics/names"), as_json)
        return
    ranged = plot or spacing is not None or since is not None
    if not ranged:
        _print_instant(ask("/metrics/instant", {"expr": query}), as_json)
        return
    end = datetime.now(UTC)
    begin = begin or end - timedelta(hours=1)
    asked = {"expr": query, "start": begin.isoformat(), "end": end.isoformat()}
    found = ask("/metrics/query", asked | ({"step": str(spacing)} if spacing else {}))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    elif plot:
        _plot(found)
    else:
        _print_points(found)


def series_name(labels: dict[str, str]) -> str:
    """A series as Prometheus writes it."""
    name = labels.get("__name__", "")
    inside = ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if key != "__name__")
    return f"{name}{{{inside}}}" if inside else name or "{}"


def _print_names(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    rows = found["metrics"]
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        typer.echo(f"{row['name']:<{width}}  {row['kind']:<9}  {row['series']:>6}")
    series = sum(row["series"] for row in rows)
    typer.echo(t("{count} metrics, {series} series", count=len(rows), series=series))


def _print_instant(found: dict[str, Any], as_json: bool) -> None:
    from nexus.cli.amounts import amount

    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    names = [series_name(sample["labels"]) for sample in found["samples"]]
    values = [amount(sample["value"], "") for sample in found["samples"]]
    width = max(map(len, values), default=0)
    for name, value in zip(names, values, strict=True):
        typer.echo(f"{value:>{width}}  {name}")
    _told(len(names), found)


def _print_points(found: dict[str, Any]) -> None:
    from nexus.cli import times
    from nexus.cli.amounts import amount

    for series in found["series"]:
        typer.echo(series_name(series["labels"]))
        for at, value in series["points"]:
            typer.echo(f"  {times.local(datetime.fromtimestamp(at, UTC))}  {amount(value, '')}")
    _told(len(found["series"]), found)


def _plot(found: dict[str, Any]) -> None:
    from nexus.cli.amounts import amount
    from nexus.cli.paint import Paint, columns
    from nexus.cli.plots import MOST, plot, sign

    paint, series = Paint.of_terminal(), found["series"]
    shown = series[:MOST]
    if shown:
        typer.echo(
            plot([each["points"] for each in shown], columns(), paint, lambda value: amount(value, ""))
        )
    for index, each in enumerate(shown):
        last = each["points"][-1][1] if each["points"] else None
        typer.echo(f"{sign(index, paint, len(shown))} {series_name(each['labels'])}  {amount(last, '')}")
    if len(series) > MOST:
        typer.echo(t("{count} further series are not drawn", count=len(series) - MOST))
    _told(len(series), found)


def _told(count: int, found: dict[str, Any]) -> None:
    if not count:
        typer.echo(t("no series at that time; `nexus metrics` lists the names"), err=True)
    if found["left_out"]:
        typer.echo(t("{count} further series are not shown", count=found["left_out"]), err=True)
