"""`nexus rollback`."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

Module = Annotated[str, typer.Argument(help="The module to take back.")]
To = Annotated[str, typer.Option("--to", help="A release's id or version; otherwise the last healthy one.")]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Print what would be done and why, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ask no question.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON: one object per event.")]


def rollback(
    module: Module,
    to: To = "",
    plan: PlanOnly = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take back the least that makes the whole consistent again: a module, those with it, or the last set."""
    from nexus.cli import deploysteering
    from nexus.cli.deployfollow import Following

    client = deploysteering.running()
    body = {"who": place.user(), "services": [module], "to": to}
    if plan or not (yes or as_json):
        code = Following(client, as_json).run("/v1/rollback", {**body, "plan_only": True})
        if plan or code:
            raise typer.Exit(code)
        deploysteering.confirm(t("roll back?"))
    raise typer.Exit(Following(client, as_json).run("/v1/rollback", body))
