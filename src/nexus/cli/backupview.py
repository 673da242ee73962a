"""Backups as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from nexus.cli.amounts import amount, size
from nexus.cli.language import t
from nexus.cli.tables import console
from nexus.cli.times import lasting

if TYPE_CHECKING:
    from nexus.control.recovering.facts import RecoveryFacts
    from nexus.control.recovering.runs import Run
    from nexus.recovery.backups.manifest import BackupManifest, Totals
    from nexus.stack.recovering import Schedule

STATES = {"done": "green", "failed": "red", "interrupted": "yellow", "running": "dim"}


def show_list(found: RecoveryFacts) -> None:
    """All backups, oldest first."""
    table = _table("id", "kind", "ended", "took", "size", "places")
    for each in found.all_backups:
        foreign = found.system not in ("", each.system)
        table.add_row(
            each.id,
            t(each.kind),
            at(each.ended, found.policy.schedule.zone),
            lasting(each.ended - each.began),
            size(each.size),
            ", ".join(found.having(each.id)) + (f" ({t('of another cluster')})" if foreign else ""),
        )
    if found.all_backups:
        console().print(table)
    else:
        typer.echo(t("there is no backup yet; `nexus backup create` takes one"))
    for name, why in found.unreadable.items():
        typer.echo(t("backup {id} cannot be read: {why}", id=name, why=why), err=True)
    for place in found.places:
        if place.trouble:
            typer.echo(f"{place.name}: {place.trouble}", err=True)


def show_backup(one: BackupManifest, found: RecoveryFacts) -> None:
    """All that is known of one."""
    zone = found.policy.schedule.zone
    rows = {
        "kind": t(one.kind) + (f" ({t('on {parent}', parent=one.parent)})" if one.parent else ""),
        "taken": f"{at(one.began, zone)}, {lasting(one.ended - one.began)}"
        + (f" ({t('by schedule')})" if one.scheduled else ""),
        "size": t("{stored} sealed, {plain} plain", stored=size(one.size), plain=size(one.plain)),
        "places": ", ".join(found.having(one.id)),
        "cluster": f"{one.system}, PostgreSQL {one.version // 10_000}.{one.version % 10_000}",
        "WAL": t(
            "{start} to {end} on timeline {timeline}",
            start=one.start_lsn,
            end=one.end_lsn,
            timeline=one.timeline,
        ),
        "beside it": ", ".join(each.key.partition("/home/")[2] for each in one.home) or t("nothing"),
        "releases": ", ".join(f"{name} {release}" for name, release in one.releases.items()),
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, text in rows.items():
        if text:
            table.add_row(f"[dim]{t(name)}[/]", escape(text))
    console().print(one.id, markup=False)
    console().print(table)
    if one.totals:
        typer.echo()
        _show_totals(one.totals)


def show_schedule(rules: Schedule, following: Mapping[Any, float | None], latest: Sequence[Run]) -> None:
    """When what runs by itself, and how the last runs ended."""
    table = _table("job", "rule", "next")
    for job, when in following.items():
        table.add_row(t(job), getattr(rules, job), at(when, rules.zone) if when else t("never"))
    console().print(table)
    typer.echo(t("on the clock of {zone}", zone=rules.zone))
    if not latest:
        return
    typer.echo()
    table = _table("job", "began", "took", "state", "size", "by", "how it ended")
    for run in latest:
        table.add_row(
            _what(run.what),
            at(run.began, rules.zone),
            lasting(run.seconds) if run.ended else "",
            f"[{STATES[run.state]}]{t(run.state)}[/]",
            size(run.bytes) if run.bytes else "",
            escape(t(run.who)),
            escape(run.backup if run.state == "done" else run.sentence),
        )
    console().print(table)


def _what(what: str) -> str:
    """A run's kind; of a disaster that was drilled, its name too."""
    kind, _, scenario = what.partition(":")
    return f"{t(kind)}: {scenario}" if scenario else t(kind)


def at(seconds: float, zone: str) -> str:
    """A moment on the clock of the schedule."""
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone)):%d/%m/%Y %H:%M:%S}"


def _show_totals(totals: Totals) -> None:
    table = _table("total", "of", "value")
    table.columns[2].justify = "right"
    for each in totals.totals:
        table.add_row(escape(each.title), escape(each.of), _value(each.value, each.unit))
    console().print(table)
    typer.echo(t("exactly as of {lsn}" if totals.exact else "about as of {lsn}", lsn=totals.lsn))


def _value(text: str, unit: str) -> str:
    try:
        return amount(float(text), unit)
    except ValueError:
        return text


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for each in columns:
        table.add_column(t(each), no_wrap=each != "how it ended")
    return table
