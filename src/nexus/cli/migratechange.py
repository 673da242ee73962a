"""`nexus migrate apply`, `resolve`, `baseline`, `undo`: what changes schemas, or what is recorded of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

To = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="MODULE=NAME", help="Of a module, apply no further than this migration."),
]
Plan = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]
Override = Annotated[
    str,
    typer.Option("--override", metavar="REASON", help="Apply without a rehearsal; goes to the audit trail."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print every event as JSON, one a line.")]
Module = Annotated[str, typer.Argument(help="The module.")]


def apply(
    to: To = None, plan: Plan = False, override: Override = "", yes: Yes = False, as_json: Json = False
) -> None:
    """Apply what is pending, in the order of the plan; killed at any point, the same command goes on."""
    from nexus.cli.migrateplace import pairs

    body: dict[str, Any] = {"to": pairs(to or []), "override": override}
    _change("/v1/migrate/apply", body, plan, yes, as_json)


def resolve(
    module: Module,
    applied: Annotated[
        str, typer.Option("--applied", metavar="NAME", help="It was applied by hand: record it so.")
    ] = "",
    rolled_back: Annotated[
        str, typer.Option("--rolled-back", metavar="NAME", help="It failed, and nothing is left of it.")
    ] = "",
    resume: Annotated[
        str, typer.Option("--resume", metavar="NAME", help="It failed half-way: go on behind what is done.")
    ] = "",
    edited: Annotated[
        str, typer.Option("--edited", metavar="NAME", help="Its edited file says what was applied.")
    ] = "",
    plan: Plan = False,
    as_json: Json = False,
) -> None:
    """Record what became of a migration that failed, as `prisma migrate resolve` does, or was edited."""
    wishes = {"applied": applied, "rolled_back": rolled_back, "resume": resume, "edited": edited}
    if sum(map(bool, wishes.values())) != 1:
        raise place.stop(t("name one migration: --applied, --rolled-back, --resume or --edited NAME"), 2)
    _change("/v1/migrate/resolve", {"module": module, **wishes}, plan, True, as_json)


def baseline(
    module: Module,
    to: Annotated[
        str, typer.Option("--to", metavar="NAME", help="The last one that the schema holds; default: all.")
    ] = "",
    plan: Plan = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Record migrations as applied whose changes a schema holds already; nothing of it is run."""
    _change("/v1/migrate/baseline", {"module": module, "to": to}, plan, yes, as_json)


def undo(
    module: Module,
    name: Annotated[str, typer.Argument(help="The migration; default: the newest that is applied.")] = "",
    plan: Plan = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take a module's newest change back, where it is proven that nothing is lost by it."""
    _change("/v1/migrate/undo", {"module": module, "name": name}, plan, yes, as_json)


def _change(path: str, body: dict[str, Any], plan: bool, yes: bool, as_json: bool) -> None:
    """Runs an operation; on a terminal, the plan is shown and asked about first."""
    import sys

    from nexus.cli import deploysteering
    from nexus.cli.migratefollow import Following

    client = deploysteering.running()
    body = {**body, "who": place.user()}
    following = Following(client, as_json)
    if plan:
        raise typer.Exit(following.run(path, {**body, "plan_only": True}))
    if not yes and not as_json and sys.stdin.isatty() and sys.stdout.isatty():
        code = following.run(path, {**body, "plan_only": True})
        if code or not following.planned:
            raise typer.Exit(code)
        if not typer.confirm(t("go on?")):
            raise place.stop(t("nothing was done"), 1)
        if following.digest:
            body["digest"] = following.digest
        raise typer.Exit(Following(client, as_json, shown=True).run(path, body))
    raise typer.Exit(following.run(path, body))
