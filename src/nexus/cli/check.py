"""`nexus check`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def check(as_json: Json = False) -> None:
    """Run the stack's invariants; exit code 1 when a row contradicts one."""
    from nexus.control.client import Client, ControlError
    from nexus.runtimes.home import Home

    try:
        found: dict[str, Any] = Client(Home.at(place.home_path())).get("/v1/check", timeout=300.0)
    except OSError:
        raise place.stop(t("the control loop does not run; start it with `nexus up`"), 2) from None
    except ControlError as error:
        raise place.stop(str(error), error.exit_code) from error
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print(found)
    raise typer.Exit(0 if found["ok"] else 1)


def _print(found: dict[str, Any]) -> None:
    broken = [each for each in found["invariants"] if not each["ok"]]
    for each in found["invariants"]:
        mark = typer.style("ok  ", fg="green") if each["ok"] else typer.style("FAIL", fg="red")
        typer.echo(f"{mark} {each['title']} ({each['ms']:.0f} ms)")
        if not each["ok"]:
            if each.get("error"):
                typer.echo(f"     {each['error']}")
            else:
                typer.echo(
                    "     " + t("{title}: {rows} offending rows", title=each["name"], rows=each["rows"])
                )
            for row in each.get("sample", ()):
                typer.echo("     " + json.dumps(row, ensure_ascii=False))
    count = len(found["invariants"])
    if broken:
        typer.echo(t("{broken} of {count} invariants are broken", broken=len(broken), count=count))
    else:
        ms = sum(each["ms"] for each in found["invariants"])
        typer.echo(t("all {count} invariants hold ({ms:.0f} ms)", count=count, ms=ms))
