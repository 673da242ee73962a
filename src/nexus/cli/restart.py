"""`nexus restart`."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

Services = Annotated[list[str], typer.Argument(help="The services to restart.")]


def restart(services: Services) -> None:
    """Replace instances of services by new ones of the same release; `nexus deploy` lets others in."""
    from nexus.cli import operation
    from nexus.control.client import Client
    from nexus.runtimes.home import Home

    client = Client(Home.at(place.home_path()))
    if not client.alive():
        raise place.stop(t("the control loop does not run; start it with `nexus up`"), 2)
    body = {"who": place.who(), "services": services}
    raise typer.Exit(operation.follow(client, "/v1/restart", body, table=False))
