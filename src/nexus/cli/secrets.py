"""`nexus secrets`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

app = typer.Typer(no_args_is_help=True, help="The stack's secret files.")

Service = Annotated[str, typer.Argument(help="The service that is given the secret.")]
Name = Annotated[str, typer.Argument(help="The secret, as the service's manifest names it.")]
Source = Annotated[
    Path | None, typer.Option("--from", help="Read the value from this file instead of from stdin.")
]


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


@app.command("set")
def set_(service: Service, name: Name, source: Source = None) -> None:
    """Give a service another value of a secret, read from stdin; the next deploy lets it in."""
    _renew(service, name, _value(source))


@app.command()
def rotate(service: Service, name: Name) -> None:
    """Give a service a fresh random value of a secret; the next deploy lets it in."""
    _renew(service, name, None)


def _value(source: Path | None) -> str:
    if source is None and sys.stdin.isatty():
        typer.echo(t("type the value, then Ctrl-D on a line of its own:"), err=True)
    try:
        return source.read_text(encoding="utf-8") if source else sys.stdin.read()
    except OSError as error:
        raise place.stop(t("{file} cannot be read: {why}", file=source, why=error.strerror), 2) from error
    except UnicodeDecodeError as error:
        raise place.stop(t("the value is no UTF-8 text; encode it, for example with base64"), 2) from error


def _renew(service: str, name: str, value: str | None) -> None:
    from nexus.control.outside import remembered_stack
    from nexus.control.secret_versions import renew
    from nexus.runtimes.home import Home

    home = Home.at(place.home_path())
    version = renew(home, remembered_stack(home, place.root()), place.user(), service, name, value)
    typer.echo(
        t(
            "{name} of {service} is new in version {version} of its secrets; nothing that runs was touched: "
            "`nexus deploy {service}` lets it in",
            name=name,
            service=service,
            version=version,
        )
    )
