"""`nexus down`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

ENDS_WITHIN = 60.0  # seconds: what was received last is sealed, and on its way to every place

Delete = Annotated[
    bool, typer.Option("--delete-data", help="Remove all data too; asks for the stack's name.")
]
DeleteBackups = Annotated[
    bool,
    typer.Option(
        "--delete-backups", help="With --delete-data: this machine's backups and the keys to all go, too."
    ),
]
Yes = Annotated[str | None, typer.Option("--yes", help="The stack's name, for scripts that cannot be asked.")]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]


def down(
    delete_data: Delete = False,
    delete_backups: DeleteBackups = False,
    yes: Yes = None,
    plan: PlanOnly = False,
) -> None:
    """Drain and stop everything in reverse order; the data stays."""
    from nexus.cli import operation
    from nexus.control.client import Client
    from nexus.control.launch import await_end, processes
    from nexus.control.outside import leftovers, remembered, stack_name
    from nexus.control.rehearsing.commands import clear_abandoned
    from nexus.recovery.places.opening import local_folder
    from nexus.recovery.sealing.keyring import folder as keys
    from nexus.runtimes.home import Home

    if delete_backups and not delete_data:
        raise place.stop(t("--delete-backups goes with --delete-data"), 2)
    home = Home.at(place.home_path())
    client = Client(home)
    if delete_data and not plan:
        name = stack_name(home, place.root())
        typed = yes
        if typed is None:
            text = "this removes all data of {stack}; type its name to go on"
            if delete_backups:
                text = "this removes all data of {stack} and its backups; type its name to go on"
            typed = typer.prompt(t(text, stack=name))
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
    body = {
        "who": place.who(),
        "delete_data": delete_data,
        "delete_backups": delete_backups,
        "plan_only": plan,
    }
    code = operation.follow(client, "/v1/down", body, table=False)
    backups = local_folder(home)
    if delete_data and not plan and not code and backups.exists():
        typer.echo(t("backups stay in {folder}; their keys are in {keys}", folder=backups, keys=keys(home)))
    ended = code or plan or await_end(home, keepers, ENDS_WITHIN)
    if not ended and not client.alive():  # one that answers was given other work meanwhile
        raise place.stop(f"the control loop has not ended; see {home.log('control')}", 1)
    raise typer.Exit(code)
