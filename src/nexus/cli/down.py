"""`nexus down`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

Delete = Annotated[
    bool, typer.Option("--delete-data", help="Remove all data too; asks for the stack's name.")
]
Yes = Annotated[str | None, typer.Option("--yes", help="The stack's name, for scripts that cannot be asked.")]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]


def down(delete_data: Delete = False, yes: Yes = None, plan: PlanOnly = False) -> None:
    """Drain and stop everything in reverse order; the data stays."""
    from nexus.cli import operation
    from nexus.control.client import Client
    from nexus.control.launch import await_end, processes
    from nexus.control.outside import leftovers, remembered, stack_name
    from nexus.control.rehearsing.commands import clear_abandoned
    from nexus.runtimes.home import Home

    home = Home.at(place.home_path())
    client = Client(home)
    if delete_data and not plan:
        name = stack_name(home, place.root())
        typed = yes
        if typed is None:
            typed = typer.prompt(t("this removes all data of {stack}; type its name to go on", stack=name))
        if typed != name:
            raise place.stop(t("the name does not match; nothing was deleted"), 2)
    if not plan:
        asyncio.run(clear_abandoned(home.root / "rehearsals", place.root()))
    if not client.alive():
        in_containers = remembered(home).runtime != "process"
        if not leftovers(home) and not in_containers and not (delete_data and home.database.exists()):
            typer.echo(t("nothing runs"))
            raise typer.Exit(0)
        client = operation.control(home)
    keepers = processes(home)
    body = {"who": place.who(), "delete_data": delete_data, "plan_only": plan}
    code = operation.follow(client, "/v1/down", body, table=False)
    ended = code or plan or await_end(home, keepers)
    if not ended and not client.alive():  # one that answers was given other work meanwhile
        raise place.stop(f"the control loop has not ended; see {home.log('control')}", 1)
    raise typer.Exit(code)
