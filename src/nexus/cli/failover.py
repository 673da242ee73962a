"""`nexus failover`."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.cli import place, standby
from nexus.cli.language import t
from nexus.cli.standbyview import lines, took_over

PlanOnly = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
Force = Annotated[bool, typer.Option("--force", help="Also where what the standby lacks would be lost.")]
Auto = Annotated[
    bool | None,
    typer.Option("--auto/--no-auto", help="Only say whether the standby takes over by itself from now on."),
]


def failover(plan: PlanOnly = False, yes: Yes = False, force: Force = False, auto: Auto = None) -> None:
    """Put the standby in the primary's place: in order where that lives, at once where it is dead."""
    if auto is not None:
        for line in lines(standby.ask("/v1/standby/auto", {"who": place.who(), "auto": auto})):
            typer.echo(line)
        return
    if not plan and not yes and not typer.confirm(t("the database changes its server; go on?")):
        raise place.stop(t("nothing was changed"), 2)
    before = standby.ask("/v1/standby")["last"]
    body = {"who": place.who(), "plan_only": plan, "force": force}
    code = standby.follow("/v1/failover", body)
    last = standby.ask("/v1/standby")["last"] if not plan else None
    if last and last != before:
        typer.echo(took_over(last))
    raise typer.Exit(code)
