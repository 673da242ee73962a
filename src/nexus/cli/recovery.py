"""`nexus recovery`: what a disaster would cost now, the kit that opens backups, the places they lie in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

app = typer.Typer(no_args_is_help=True, help="What a disaster would cost now, the recovery kit, the places.")
places = typer.Typer(no_args_is_help=True, help="The places that backups lie in, as nexus.yaml names them.")
app.add_typer(places, name="place")

Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page to print, and not here.")
]
Replace = Annotated[bool, typer.Option("--replace", help="Make a new kit although there is one; do not ask.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The place, as nexus.yaml names it.")]


@app.command()
def status(as_json: Json = False) -> None:
    """Tell what a disaster would cost now; exit code 1 when that is more than was promised.

    Every place is asked; neither the control loop nor the database need run.
    """
    from nexus.cli import recoveryview
    from nexus.cli.backupread import facts, print_json
    from nexus.control.recovering.standing import judge

    standing = judge(facts())
    if as_json:
        print_json(standing.as_dict())
    else:
        recoveryview.show(standing)
    raise typer.Exit(0 if standing.ok else 1)


@app.command()
def kit(html: Html = None, replace: Replace = False) -> None:
    """Make the recovery kit: the key that opens every backup when this machine is gone. It is shown once.

    It is kept nowhere: print it, and keep it where a fire here does not reach it.
    """
    from nexus.cli import recoverykit

    recoverykit.make(html, replace)


@places.command()
def check(name: Name) -> None:
    """Ask a place whether it can be written and read now, and what it has; exit code 1 when it cannot."""
    from nexus.cli import recoveryplace

    raise typer.Exit(recoveryplace.check(name))


@places.command()
def secret(name: Name) -> None:
    """Keep the secret of a place, read from stdin: a private key, a password, or ACCESS_KEY:SECRET_KEY."""
    from nexus.cli import recoveryplace

    if sys.stdin.isatty():
        typer.echo(t("type the value, then Ctrl-D on a line of its own:"), err=True)
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError as error:
        raise place.stop(t("the value is no UTF-8 text; encode it, for example with base64"), 2) from error
    recoveryplace.keep_secret(name, text)
