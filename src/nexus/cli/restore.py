"""`nexus restore`: to any second, in place, into a folder, as a new stack; or some rows of a module."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="All that was committed until then: 14:30, -15m, 2026-11-26 14:30."
    ),
]
Point = Annotated[str | None, typer.Option("--point", metavar="NAME", help="A restore point.")]
Migration = Annotated[
    str | None,
    typer.Option("--before-migration", metavar="NAME", help="Just before a migration was applied."),
]
Lsn = Annotated[str | None, typer.Option("--lsn", metavar="LSN", help="All before a place in the WAL.")]
Backup = Annotated[
    str | None, typer.Option("--backup", metavar="ID", help="What a backup holds, and no more.")
]
Latest = Annotated[bool, typer.Option("--latest", help="All that was committed.")]
Into = Annotated[
    Path | None,
    typer.Option(
        "--into",
        metavar="PATH",
        help="Elsewhere: an empty folder gets the database's files, a new path a whole stack.",
    ),
]
From = Annotated[
    str,
    typer.Option("--from", metavar="PLACE", help="Read from this place only: its name, its URL, or a file."),
]
Key = Annotated[
    str,
    typer.Option(
        "--key", metavar="FILE", help="The recovery kit's key, where the stack's own is lost; - asks."
    ),
]
Secret = Annotated[
    str, typer.Option("--secret", metavar="FILE", help="Of the place that --from names by URL; - asks.")
]
Keep = Annotated[
    bool, typer.Option("--keep-releases", help="Keep the present releases and bring the schema to them.")
]
Override = Annotated[
    str,
    typer.Option("--override", metavar="REASON", help="Go on though invariants do not hold; is recorded."),
]
Timeline = Annotated[
    int | None,
    typer.Option("--timeline", metavar="NUMBER", min=1, help="Follow this timeline, not the present one."),
]
TakeOver = Annotated[
    bool,
    typer.Option(
        "--take-over",
        help="With --into: the stack goes on with the backups it is made from; alone: the one here does.",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the restore that was begun.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take the last restore back.")]
Module = Annotated[
    str,
    typer.Option("--module", metavar="NAME", help="Rows of this module alone, into the living stack."),
]
Table = Annotated[list[str], typer.Option("--table", metavar="NAME", help="With --module: of this table.")]
Where = Annotated[
    str, typer.Option("--where", metavar="SQL", help="With --table: rows that are or were so: price < 1.")
]
Deleted = Annotated[bool, typer.Option("--deleted", help="With --module: rows that are gone come back.")]
Changed = Annotated[bool, typer.Option("--changed", help="With --module: changed rows are put back.")]
Added = Annotated[bool, typer.Option("--added", help="With --module: rows made since are taken away.")]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="With --module: what was written later is no damage."),
]
Take = Annotated[
    str, typer.Option("--take", metavar="now|then", help="With --until: which side wins a conflict.")
]
Bypass = Annotated[
    str,
    typer.Option(
        "--bypass-triggers", metavar="REASON", help="With --module: triggers rest; invariants must hold."
    ),
]
Plan = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print every event as JSON, one a line.")]


def restore(
    at: At = None,
    point: Point = None,
    before_migration: Migration = None,
    lsn: Lsn = None,
    backup: Backup = None,
    latest: Latest = False,
    into: Into = None,
    from_: From = "",
    key: Key = "",
    secret: Secret = "",
    keep_releases: Keep = False,
    override: Override = "",
    timeline: Timeline = None,
    take_over: TakeOver = False,
    module: Module = "",
    table: Table = [],  # noqa: B006 - typer copies it
    where: Where = "",
    deleted: Deleted = False,
    changed: Changed = False,
    added: Added = False,
    until: Until = None,
    take: Take = "now",
    bypass_triggers: Bypass = "",
    resume: Resume = False,
    undo: Undo = False,
    plan: Plan = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Restore to any second: the whole stack, proven beside it first; with --module some rows."""
    from nexus.cli import restorechange, restoreinto, restoreoptions, restorerows, restorewish

    named = {"time": at, "point": point, "migration": before_migration, "lsn": lsn, "backup": backup}
    targets = [kind for kind, text in named.items() if text is not None] + ["latest"] * latest
    if take_over and into is None and not (targets or resume or undo):
        raise typer.Exit(restoreoptions.take_over(yes))
    if len(targets) + resume + undo != 1:
        raise place.stop(
            t("say where to, once: --at, --point, --before-migration, --lsn, --backup or --latest"), 2
        )
    of_rows = {
        "--table": table,
        "--where": where,
        "--deleted": deleted,
        "--changed": changed,
        "--added": added,
    }
    of_rows |= {"--until": until, "--take": take != "now", "--bypass-triggers": bypass_triggers}
    of_all = {"--into": into, "--resume": resume, "--undo": undo, "--keep-releases": keep_releases}
    of_all |= {"--take-over": take_over}
    restorerows.checked(module, of_rows, of_all)
    given = {**of_all, "--from": from_, "--key": key, "--secret": secret, "--timeline": timeline}
    restoreoptions.check(given, undo, resume)
    asked = restorechange.Asked(plan=plan, yes=yes, as_json=as_json)
    if undo:
        raise typer.Exit(restorechange.undo(asked))
    wish = None if resume else restorewish.wish(targets[0], named.get(targets[0]) or "", timeline)
    if module and wish is not None:
        chosen = {"module": module, "tables": table, "where": where, "place": from_, "override": override}
        chosen |= restorerows.policy(deleted, changed, added, until, take)
        chosen |= {"key": restorewish.key(key), "bypass_triggers": bypass_triggers}
        raise typer.Exit(restorerows.rows(wish, chosen, asked))
    if into is not None:
        if wish is None:
            raise place.stop(t("--into begins anew; say where to"), 2)
        from nexus.control.restoring.elsewhere.elsewhere import Elsewhere
        from nexus.runtimes.home import Home

        texts = {"key": restorewish.key(key), "secret": restoreinto.secret(secret), "override": override}
        home = Home.at(place.home_path())
        wanted = Elsewhere(into.absolute(), wish, place.root(), home, from_, take_over=take_over, **texts)
        raise typer.Exit(restoreinto.into(wanted, asked))
    body = {"place": from_, "key": restorewish.key(key), "keep_releases": keep_releases, "override": override}
    raise typer.Exit(restorechange.restore(wish, body, asked))
