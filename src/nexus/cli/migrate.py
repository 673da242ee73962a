"""`nexus migrate`: changes of the schemas of all modules, planned, rehearsed and applied as one."""

from __future__ import annotations

from collections.abc import Callable

import typer

from nexus.cli import migratechange, migratelint, migratelook, migraterehearse

app = typer.Typer(
    no_args_is_help=True,
    help="Change the schemas of all modules: plan, rehearse, apply, look after.",
)
COMMANDS: dict[str, Callable[..., None]] = {
    "plan": migratelook.plan,
    "lint": migratelint.lint,
    "rehearse": migraterehearse.rehearse,
    "apply": migratechange.apply,
    "status": migratelook.status,
    "drift": migratelook.drift,
    "resolve": migratechange.resolve,
    "baseline": migratechange.baseline,
    "undo": migratechange.undo,
    "map": migratelook.map_,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)
