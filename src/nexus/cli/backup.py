"""`nexus backup`: backups taken, listed, shown, verified, pruned, and when the next one comes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

app = typer.Typer(no_args_is_help=True, help="Take backups, look at them, verify them, delete old ones.")

Full = Annotated[bool, typer.Option("--full", help="Copy everything.")]
Incremental = Annotated[
    bool, typer.Option("--incremental", help="Copy what changed since the newest backup, or fail.")
]
Plan = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]
Events = Annotated[bool, typer.Option("--json", help="Print every event as JSON, one a line.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The backup, as `nexus backup list` names it.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="The backups; default: the newest one.")]
All = Annotated[bool, typer.Option("--all", help="Every backup.")]
Deep = Annotated[
    bool,
    typer.Option("--deep", help="Open every file, let PostgreSQL check it, and follow the WAL up to now."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DueSince = Annotated[float | None, typer.Option("--due", hidden=True)]  # where the schedule wants it


@app.command()
def create(
    full: Full = False, incremental: Incremental = False, plan: Plan = False, as_json: Events = False
) -> None:
    """Take a backup of the whole stack: what changed since the newest one where that can be, else all.

    Works without the control loop as long as PostgreSQL answers. Ctrl-C ends it in order; nothing of it
    counts then.
    """
    from nexus.cli.backupfollow import change

    if full and incremental:
        raise place.stop(t("--full and --incremental exclude each other; name one"), 2)
    kind = "full" if full else "incremental" if incremental else "auto"
    raise typer.Exit(change("create", {"kind": kind, "plan_only": plan}, as_json))


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all backups and which places have them; reads the places themselves."""
    from nexus.cli import backupview
    from nexus.cli.backupread import facts, print_json
    from nexus.control.recovering import telling

    found = facts()
    if as_json:
        backups = [telling.summary(each, found.having(each.id)) for each in found.all_backups]
        print_json({"backups": backups, "unreadable": dict(found.unreadable), "places": _troubles(found)})
    else:
        backupview.show_list(found)


@app.command()
def show(backup: Id, as_json: Json = False) -> None:
    """Show one backup: what is in it, from when, on what it builds, and the numbers of the business."""
    from nexus.cli import backupview
    from nexus.cli.backupread import chosen, facts, print_json
    from nexus.control.recovering import telling

    found = facts()
    (manifest,) = chosen(found, [backup])
    if as_json:
        print_json(telling.whole(manifest, found.having(manifest.id)))
    else:
        backupview.show_backup(manifest, found)


@app.command()
def verify(
    backups: Ids = None, all_: All = False, deep: Deep = False, as_json: Json = False, due: DueSince = None
) -> None:
    """Check that backups are whole and as they were written, in every place; exit code 1 when one is not."""
    from nexus.cli.backupverify import run

    if all_ and backups:
        raise place.stop(t("name backups, or --all"), 2)
    raise typer.Exit(run(backups or [], all_, deep, as_json, due))


@app.command()
def prune(plan: Plan = False, yes: Yes = False, as_json: Events = False) -> None:
    """Delete backups and WAL that recovery.keep does not keep; happens after each backup by itself, too."""
    import sys

    from nexus.cli.backupfollow import change, planned

    if plan or yes:
        raise typer.Exit(change("prune", {"plan_only": plan}, as_json))
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise place.stop(t("nothing was deleted: --plan shows what would be, --yes does it unasked"), 2)
    code, digest = planned("prune")
    if code or not digest:
        raise typer.Exit(code)
    if not typer.confirm(t("go on?")):
        raise place.stop(t("nothing was done"), 1)
    raise typer.Exit(change("prune", {"digest": digest}, as_json))


@app.command()
def schedule(as_json: Json = False) -> None:
    """Show what runs when next by itself, and how the last runs ended."""
    import time

    from nexus.cli import backupview
    from nexus.cli.backupread import print_json, runs
    from nexus.control.recovering import telling
    from nexus.control.recovering.schedule import coming

    desk, latest = runs()
    rules = desk.policy.schedule
    following = coming(rules, time.time())
    if as_json:
        jobs = {job: {"rule": getattr(rules, job), "next": following[job]} for job in following}
        print_json({"zone": rules.zone, "jobs": jobs, "last": [telling.run(each) for each in latest]})
    else:
        backupview.show_schedule(rules, following, latest)


def _troubles(found: Any) -> list[dict[str, str]]:
    return [{"name": each.name, "trouble": each.trouble} for each in found.places]
