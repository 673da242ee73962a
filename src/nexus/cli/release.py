"""`nexus release`: making what can be deployed."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

Modules = Annotated[list[str], typer.Argument(help="The modules to release.")]
Version = Annotated[str, typer.Option("--version", help="What people will call it.")]
Ref = Annotated[str, typer.Option("--ref", help="Build what a branch, tag or commit of git holds.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(no_args_is_help=True, help="Make releases: immutable artefacts that can be deployed.")


@app.command("build")
def build(modules: Modules, version: Version = "", ref: Ref = "", as_json: Json = False) -> None:
    """Make a release of what the sources hold now; the same content gives the same release."""
    from nexus.cli import deploysteering
    from nexus.control.client import ControlError

    body = {"who": place.user(), "services": modules, "version": version, "ref": ref}
    try:
        made = deploysteering.running().post("/v1/release/build", body, timeout=900.0)
    except ControlError as error:
        raise place.stop(t(error.text, **error.values), error.exit_code) from error
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False, indent=2))
        return
    for each in made["releases"]:
        there, made = "{title} is there already", "{title} is built; `nexus deploy {name}` lets it in"
        typer.echo(t(there if each["existed"] else made, title=each["title"], name=each["service"]))


@app.callback()
def _group() -> None:
    """A group, though it has one command so far."""
