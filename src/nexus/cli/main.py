"""The commands, and the stack's own tasks behind them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from nexus import __version__
from nexus.cli import (
    adopt,
    audit,
    backup,
    build,
    check,
    contracts,
    deploy,
    doctor,
    down,
    drill,
    entities,
    failover,
    failure,
    health,
    images,
    kpi,
    logs,
    metrics,
    migrate,
    recovery,
    release,
    releases,
    render,
    restart,
    restore,
    rollback,
    schema,
    secrets,
    sql,
    standby,
    status,
    tasks,
    test,
    top,
    trace,
    up,
)

COMMANDS: dict[str, Callable[..., None]] = {
    "up": up.up,
    "down": down.down,
    "status": status.status,
    "top": top.top,
    "logs": logs.logs,
    "trace": trace.trace,
    "metrics": metrics.metrics,
    "kpi": kpi.kpi,
    "health": health.health,
    "sql": sql.sql,
    "deploy": deploy.deploy,
    "rollback": rollback.rollback,
    "releases": releases.releases,
    "restart": restart.restart,
    "restore": restore.restore,
    "failover": failover.failover,
    "render": render.render,
    "build": build.build,
    "images": images.images,
    "check": check.check,
    "contracts": contracts.contracts,
    "doctor": doctor.doctor,
    "audit": audit.audit,
    "adopt": adopt.adopt,
    "schema": schema.schema,
    "test": test.test,
}
PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}
SETTINGS: dict[str, dict[str, Any]] = {
    "test": {**PASS_THROUGH, "help_option_names": []},
    "logs": entities.PASS_THROUGH,
    "trace": entities.PASS_THROUGH,
}

app = typer.Typer(
    name="nexus",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Runs a stack of modules described by manifests, and keeps it running.",
    epilog=tasks.SEE_ALSO,
)
for _name, _command in COMMANDS.items():
    app.command(_name, context_settings=SETTINGS.get(_name, {}))(_command)


GROUPS = {
    "backup": backup.app,
    "recovery": recovery.app,
    "standby": standby.app,
    "drill": drill.app,
    "migrate": migrate.app,
    "release": release.app,
    "secrets": secrets.app,
}
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)
NAMES = frozenset({*COMMANDS, *GROUPS})


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"nexus {__version__}")
        raise typer.Exit


def main() -> None:
    """Runs a command, or else the task of that name in nexus.yaml."""
    arguments = sys.argv[1:]
    try:
        if arguments and not arguments[0].startswith("-") and arguments[0] not in NAMES:
            sys.exit(tasks.run(arguments[0], arguments[1:], sorted(NAMES)))
        app(prog_name="nexus")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:  # noqa: BLE001 - operators are told in a sentence, details go to a log
        sys.exit(failure.told(error))
