"""The table of `nexus migrate status`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.control.migrating.standing import Standing


def show(found: Sequence[Standing]) -> None:
    """One row per module; below it what is pending and what stands in the way, each with its mend."""
    from rich.table import Table

    from nexus.cli.tables import console

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("module", "schema", "format", "applied", "pending", "problems", "latest"):
        table.add_column(t(column), no_wrap=True, justify="right" if column == "applied" else "left")
    for each in found:
        table.add_row(
            each.source.module,
            each.source.schema,
            each.source.format,
            str(each.applied),
            _pending(each),
            _problems(each),
            each.latest,
        )
    console().print(table)
    for each in found:
        _details(each)
    _sum(found)


def _pending(each: Standing) -> str:
    parts = []
    for phase, colour in (("expand", "green"), ("contract", "yellow")):
        count = sum(1 for one in each.pending if one.phase == phase)
        if count:
            parts.append(f"[{colour}]{count} {t(phase)}[/]")
    unread = sum(1 for one in each.pending if one.phase is None)
    return ", ".join([*parts, *([f"{unread} ?"] if unread else [])]) or "-"


def _problems(each: Standing) -> str:
    kinds = dict.fromkeys(problem.kind for problem in each.problems)
    told = [t(kind) if kind == "ahead" else f"[red]{t(kind)}[/]" for kind in kinds]
    return ", ".join([*told, *([f"[red]{t('unreadable')}[/]"] if each.unreadable else [])]) or "-"


def _details(each: Standing) -> None:
    for one in each.pending:
        note = f" ({t('goes on where it was interrupted')})" if one.resumes else ""
        why = f": {one.why}" if one.why else ""
        typer.echo(f"  {each.source.module}/{one.name}: {t(one.phase) if one.phase else '?'}{note}{why}")
    for problem in each.problems:
        code = f" [{problem.code}]" if problem.code else ""
        colour = "red" if problem.blocks else "yellow"
        typer.echo(typer.style("! ", fg=colour) + f"{problem.sentence}{code}")
        typer.echo("    " + t("mend: {mend}", mend=t(problem.mend)))
        for line in problem.diff.splitlines():
            typer.echo(f"    {line}")
    if each.unreadable:
        typer.echo(typer.style("! ", fg="red") + each.unreadable)


def _sum(found: Sequence[Standing]) -> None:
    pending = sum(len(each.pending) for each in found)
    stuck = [each.source.module for each in found if not each.ok]
    if stuck:
        typer.echo(t("something stands in the way in: {modules}", modules=", ".join(stuck)))
    elif pending:
        typer.echo(t("{count} pending; `nexus migrate plan` shows the order", count=pending))
    else:
        typer.echo(t("all schemas are up to date"))
