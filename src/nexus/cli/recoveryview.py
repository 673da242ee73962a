"""How recovery stands, for people: the verdict first, then what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from nexus.cli.amounts import size
from nexus.cli.backupview import at
from nexus.cli.language import t
from nexus.cli.paint import harmless
from nexus.cli.tables import console
from nexus.control.recovering.amounts import roughly
from nexus.control.recovering.costs import loss_of
from nexus.control.recovering.standing import runs_out_in

if TYPE_CHECKING:
    from nexus.control.recovering.facts import PlaceFacts, RecoveryFacts
    from nexus.control.recovering.runs import Run
    from nexus.control.recovering.standing import Standing
    from nexus.migrations.rehearsing.sentence import Sentence

COLOURS = {"error": "red", "warning": "yellow"}


def show(standing: Standing) -> None:
    """All of it."""
    facts, screen = standing.facts, console()
    colour = "green" if standing.ok else "red"
    screen.print(f"[bold {colour}]{escape(_t(standing.verdict))}[/]")
    for alarm in standing.alarms:
        told = escape(harmless(_t(alarm.sentence)))
        screen.print(f"[{COLOURS[alarm.level]}]![/] {told} [dim]({alarm.name})[/]")
    typer.echo()
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, text in _rows(standing):
        table.add_row(f"[dim]{t(name)}[/]", escape(text))
    screen.print(table)
    typer.echo()
    screen.print(_places(facts))


def _rows(standing: Standing) -> list[tuple[str, str]]:
    facts, policy = standing.facts, standing.facts.policy
    zone = policy.schedule.zone
    newest = facts.backups[-1] if facts.backups else None
    measured = facts.measured
    known = t("measured {when}", when=at(measured, zone)) if measured else t("estimated")
    promised = t("promised: {time}", time=roughly(policy.rpo))
    rto = f"{_lost(standing.rto)} ({known}; {t('promised: {time}', time=roughly(policy.rto))})"
    return [
        ("data lost with the database", f"{_lost(standing.database)} ({promised})"),
        ("data lost with this machine", f"{_lost(standing.machine)} ({promised})"),
        ("standstill", rto),
        ("last backup", f"{newest.id}, {at(newest.ended, zone)}" if newest else t("none")),
        ("last verified", _run(facts.last("verify", ok=True), zone)),
        ("last proven restore", _run(facts.last("restore", "drill", ok=True), zone)),
        ("stream of commits", _stream(facts)),
        ("space", _space(facts)),
        ("recovery kit", t("made {when}", when=at(facts.kit, zone)) if facts.kit else t("none")),
    ]


def _stream(facts: RecoveryFacts) -> str:
    stream = facts.stream
    if not facts.policy.stream:
        return t("off")
    if stream is None or not stream.alive:
        return t("does not run")
    parts = [t(stream.state)]
    if stream.lag_bytes is not None:
        lag = roughly(stream.lag_seconds) if stream.lag_seconds is not None else "?"
        parts.append(t("{bytes} and {time} behind", bytes=size(stream.lag_bytes), time=lag))
    if stream.synchronous != "off":
        parts.append(t("commits wait for it") if stream.commits_wait else t("commits do not wait for it now"))
    if stream.slot is not None:
        parts.append(
            t("slot {state}, keeps {size}", state=stream.slot.state, size=size(stream.slot.retained))
        )
    return ", ".join(parts)


def _space(facts: RecoveryFacts) -> str:
    if facts.disk_free is None:
        return t("not known")
    parts = [
        t("{size} free", size=size(facts.disk_free)),
        t("{size} reserved", size=size(facts.policy.reserve)),
    ]
    left = runs_out_in(facts)
    if facts.growth is not None:
        parts.append(t("{size} more a day", size=size(max(0.0, facts.growth))))
    parts.append(t("runs out in {time}", time=roughly(left)) if left is not None else t("no end in sight"))
    return ", ".join(parts)


def _places(facts: RecoveryFacts) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("place", "kind", "state", "backups", "data lost if only it is left", "free"):
        table.add_column(t(column), no_wrap=column != "state")
    for each in facts.places:
        table.add_row(
            each.name,
            each.kind,
            f"[red]{escape(harmless(each.trouble))}[/]" if each.trouble else f"[green]{t('reachable')}[/]",
            str(len(each.backups)),
            _loss(each, facts),
            "" if each.free is None else size(each.free),
        )
    return table


def _loss(place: PlaceFacts, facts: RecoveryFacts) -> str:
    return _lost(loss_of(place, facts))


def _lost(seconds: float | None) -> str:
    return t("everything") if seconds is None else roughly(seconds)


def _run(run: Run | None, zone: str) -> str:
    if run is None:
        return t("never")
    return f"{at(run.began, zone)}{f' ({run.backup})' if run.backup else ''}"


def _t(sentence: Sentence) -> str:
    return t(sentence.text, **sentence.values)
