"""`nexus releases`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

Module = Annotated[str, typer.Argument(help="One module; otherwise all.")]
Sets = Annotated[bool, typer.Option("--sets", help="Show the versions of the whole.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]
FEW = 4
OUTCOMES = {
    "promoted": "green",
    "rolled back": "red",
    "failed": "red",
    "held": "yellow",
    "interrupted": "yellow",
}


def releases(module: Module = "", sets: Sets = False, as_json: Json = False) -> None:
    """Show what was released and deployed: who, when, from what commit, how it ended and why."""
    found = read(module)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    elif sets:
        _sets(found)
    else:
        _releases(found)
        _deployments(found)
        _trail(found)


def read(module: str) -> dict[str, Any]:
    """The answer of the control loop."""
    from nexus.cli import deploysteering
    from nexus.control.client import ControlError

    try:
        found: dict[str, Any] = deploysteering.running().get(
            "/v1/releases" + (f"?service={module}" if module else "")
        )
    except ControlError as error:
        raise place.stop(t(error.text, **error.values), error.exit_code) from error
    return found


def _releases(found: Mapping[str, Any]) -> None:
    from nexus.cli.tables import console

    table = _table("module", "release", "version", "commit", "built", "by", "")
    for each in found["releases"]:
        marks = [t("stable")] if each["stable"] else [t("candidate")] if each["candidate"] else []
        table.add_row(
            each["service"],
            each["id"],
            each["version"],
            each["commit"][:12] + ("" if each["clean"] or not each["commit"] else " +"),
            _when(each["built_at"]),
            each["built_by"],
            f"[green]{', '.join(marks)}[/]" if each["stable"] else f"[cyan]{', '.join(marks)}[/]",
        )
    console().print(table)


def _deployments(found: Mapping[str, Any]) -> None:
    from rich.text import Text

    from nexus.cli.tables import console

    if not found["deployments"]:
        return
    table = _table("deployment", "kind", "modules", "by", "at", "state", "why")
    for each in found["deployments"]:
        said = each["cause"] or each["sentence"].removeprefix(each["state"]).strip(" :,")
        if each["suspect"]:
            said = f"{said}; {t('suspect')}: {each['suspect']}"
        table.add_row(
            str(each["id"]),
            t(each["kind"]),
            _named(list(each["services"])),
            each["who"],
            _when(each["started_at"]),
            Text(t(each["state"]), style=OUTCOMES.get(each["state"], "cyan")),
            Text(said),
        )
    table.columns[-1].no_wrap = False
    table.columns[-1].overflow = "fold"
    console().print("", table)


def _trail(found: Mapping[str, Any]) -> None:
    from nexus.cli.tables import console

    told = [each for each in found["trail"] if each["reason"]]
    if not told:
        return
    table = _table("at", "by", "what", "modules", "reason")
    for each in told:
        table.add_row(
            _when(each["at"]), each["who"], t(each["what"]), ", ".join(each["services"]), each["reason"]
        )
    console().print("", table)


def _sets(found: Mapping[str, Any]) -> None:
    from nexus.cli.tables import console

    table = _table("set", "at", "healthy", "why", "releases")
    words = {True: "[green]✓[/]", False: "[red]✗[/]", None: "–"}
    for each in found["sets"]:
        table.add_row(
            str(each["number"]),
            _when(each["at"]),
            words[each["healthy"]],
            each["cause"],
            ", ".join(f"{name} {release}" for name, release in each["changed"].items()),
        )
    table.columns[-1].no_wrap = False
    console().print(table)


def _table(*columns: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(t(column) if column else "", no_wrap=True)
    return table


def _named(services: list[str]) -> str:
    """The names of services, or how many they are."""
    return ", ".join(services) if len(services) <= FEW else t("{count} services", count=len(services))


def _when(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%d/%m %H:%M:%S")
