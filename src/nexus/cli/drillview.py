"""What drills found, and how the last ones ended, for people."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from nexus.cli import place
from nexus.cli.language import t, title
from nexus.recovery.drilling.showing import facts, mark, titled
from nexus.recovery.drilling.words import say

if TYPE_CHECKING:
    from nexus.recovery.drilling.report import Report


def show_report(report: Report, tongue: str) -> None:
    """A report on a terminal: its one word first."""
    colour = "green" if report.ok else "red" if report.failed else "yellow"
    typer.echo(typer.style(mark(report, tongue), fg=colour, bold=True) + f"  {report.id}")
    for name, value in facts(report, tongue):
        typer.echo(f"{name}: {value}")
    for heading, findings in titled(report):
        typer.echo(f"{say(heading, tongue)}:")
        for each in findings:
            typer.echo(f"  {each.name}: {say(each.text, tongue, **each.values)}")


def show_list(as_json: bool) -> None:
    """Every scenario, with how its last drill ended."""
    from nexus.recovery.drilling.records import all_of
    from nexus.recovery.drilling.report import NIGHTLY
    from nexus.recovery.drilling.scenarios import SCENARIOS
    from nexus.runtimes.home import Home

    known = all_of(Home.at(place.home_path()))
    if as_json:
        last = {name: asdict(known[name]) if name in known else None for name in (NIGHTLY, *SCENARIOS)}
        typer.echo(json.dumps({"last": last}, ensure_ascii=False, indent=2))
        return
    titles = {NIGHTLY: t("the newest backup is restored and proven")}
    titles |= {name: title(dict(each.title), name) for name, each in SCENARIOS.items()}
    zone, width = _zone(), max(map(len, titles))
    for name, told in titles.items():
        ended = known.get(name)
        if ended is None:
            state = t("never drilled")
        else:
            at = datetime.fromtimestamp(ended.ended, zone).strftime("%d/%m/%Y %H:%M")
            state = (
                t("proven {at}", at=at) if ended.ok else t("FAILED {at}: {why}", at=at, why=ended.sentence)
            )
        typer.echo(f"{name:<{width}}  {told}; {state}")
    typer.echo(t("drill one with `nexus drill --scenario NAME`; their runbooks are in docs/runbooks"))


def _zone() -> ZoneInfo:
    from nexus.cli.restorewish import zone

    return ZoneInfo(zone())
