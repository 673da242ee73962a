"""`nexus standby`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t
from nexus.cli.standbyview import lines

app = typer.Typer(no_args_is_help=True, help="A second database server that follows the first.")

Path = Annotated[str, typer.Option("--path", help="Its data folder, for example on another disk.")]
Synchronous = Annotated[
    bool | None,
    typer.Option("--synchronous/--asynchronous", help="Whether each commit waits until the standby has it."),
]
Auto = Annotated[
    bool | None,
    typer.Option("--auto/--no-auto", help="Whether it takes over by itself when the primary dies."),
]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]
Discard = Annotated[
    bool,
    typer.Option("--discard", help="Also where the old primary may have the only copy of transactions."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


@app.callback()
def _standby() -> None:
    """A second database server that follows the first."""


@app.command()
def add(
    path: Path = "",
    synchronous: Synchronous = None,
    auto: Auto = None,
    discard: Discard = False,
    plan: PlanOnly = False,
) -> None:
    """Add a standby, make a former primary one, or change what the present one does."""
    wish = {"path": path, "synchronous": synchronous, "auto": auto, "discard": discard}
    raise typer.Exit(follow("/v1/standby/add", {"who": place.who(), **wish, "plan_only": plan}))


@app.command()
def remove(discard: Discard = False, plan: PlanOnly = False) -> None:
    """Stop the standby and remove its data; commits wait for it no more."""
    body = {"who": place.who(), "discard": discard, "plan_only": plan}
    raise typer.Exit(follow("/v1/standby/remove", body))


@app.command()
def status(as_json: Json = False) -> None:
    """Show both servers, how far apart they are, and the last takeover."""
    found = ask("/v1/standby")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for line in lines(found):
        typer.echo(line)


def follow(path: str, body: dict[str, Any]) -> int:
    """Runs an operation of the control loop to its end; returns the exit code."""
    from nexus.cli import operation

    return operation.follow(running(), path, body, table=False)


def ask(path: str, body: dict[str, Any] | None = None) -> Any:
    """One answer of the control loop; ends the command where it refuses."""
    from nexus.control.client import ControlError

    client = running()
    try:
        return client.get(path) if body is None else client.post(path, body)
    except ControlError as error:
        raise place.stop(t(error.text, **error.values), error.exit_code) from error


def running() -> Any:
    """A client of the control loop; ends the command when none runs."""
    from nexus.control.client import Client
    from nexus.runtimes.home import Home

    client = Client(Home.at(place.home_path()))
    if not client.alive():
        raise place.stop(t("the control loop does not run; start it with `nexus up`"), 2)
    return client
