"""`nexus secrets`."""

from __future__ import annotations

import typer

from nexus.cli import place
from nexus.cli.language import t

app = typer.Typer(no_args_is_help=True, help="The stack's secret files.")


@app.callback()
def _secrets() -> None:
    """The stack's secret files."""


@app.command()
def init() -> None:
    """Make the secret files that the rendered Compose file and Swarm stack name; existing ones stay."""
    from nexus.control.outside import make_secrets
    from nexus.runtimes.home import Home

    home = Home.at(place.home_path())
    made = make_secrets(home, place.root())
    typer.echo(t("{count} secret files written to {folder}", count=made, folder=home.secrets))
