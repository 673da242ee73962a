"""`nexus logs`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.cli import entities, place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.control.questions import Questions

Services = Annotated[list[str] | None, typer.Argument(help="The services; all when none is named.")]
Follow = Annotated[bool, typer.Option("-f", "--follow", help="Go on showing new lines.")]
Lines = Annotated[int | None, typer.Option("-n", "--lines", min=0, help="How many lines at most.")]
Since = Annotated[
    str | None, typer.Option("--since", help="From then on: 1h, 30m, 2d, yesterday, 10:00, 2026-11-25T10:00.")
]
Until = Annotated[str | None, typer.Option("--until", help="Until then, written like --since.")]
Level = Annotated[str | None, typer.Option("--level", help="This or worse: debug, info, warn, error, fatal.")]
Grep = Annotated[
    str | None, typer.Option("--grep", help="Regular expression (RE2) on message, path and fields.")
]
Where = Annotated[list[str] | None, typer.Option("--where", help="field=value; may be repeated.")]
Trace = Annotated[str | None, typer.Option("--trace", help="Lines of one trace; its first digits suffice.")]
Of = Annotated[
    list[str] | None,
    typer.Option("--of", help="entity=ID: lines that name it and lines of its traces; so does --order ID."),
]
Full = Annotated[bool, typer.Option("--full", help="Every field and every line of stack traces.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

USUAL, USUAL_OF_A_TIME = 100, 10_000  # lines


@dataclass(frozen=True)
class Shown:
    """How rows are shown. `usual`: nobody said how many."""

    full: bool
    as_json: bool
    usual: bool


def logs(
    services: Services = None,
    follow: Follow = False,
    lines: Lines = None,
    since: Since = None,
    until: Until = None,
    level: Level = None,
    grep: Grep = None,
    where: Where = None,
    trace: Trace = None,
    of: Of = None,
    full: Full = False,
    as_json: Json = False,
) -> None:
    """Show what services wrote, in the order of time; the control loop's own lines are those of `control`."""
    from nexus.cli import times

    named, things = entities.split(services or (), of or ())
    first, last = times.window(since, until)
    asked: dict[str, str | list[str] | None] = {
        "service": named,
        "since": first.isoformat() if first else None,
        "until": last.isoformat() if last else None,
        "level": level,
        "grep": grep,
        "where": where,
        "trace": trace,
        "of": things,
    }
    plain = not any(asked[name] for name in asked if name != "service") and not as_json
    shown = Shown(full, as_json, lines is None)
    if lines is None:
        lines = USUAL if plain or follow else USUAL_OF_A_TIME
    if follow and (last or things):
        raise place.stop(t("--follow goes on for ever; leave out --until and entities"), 2)
    _show(asked | {"limit": str(lines)}, follow, shown, plain)


def _show(asked: dict[str, Any], follow: bool, shown: Shown, raw: bool) -> None:
    """`raw`: the services' own files are shown when telemetry has nothing of them (yet)."""
    from nexus.cli import rawlogs
    from nexus.cli.asking import told
    from nexus.control.client import ControlError
    from nexus.control.questions import questions
    from nexus.runtimes.home import Home

    writers: list[str] = []
    try:
        with questions(Home.at(place.home_path()), place.root()) as found:
            if found is not None and (found.growing or not follow):
                answer = found.ask("/logs", asked | ({"limit": "1"} if follow else {}))
                if answer["rows"] or not raw:
                    _show_collected(found, asked, answer, follow, shown)
                    return
                writers = answer.get("services", [])
    except ControlError as error:
        if not raw or error.exit_code == 2:
            raise place.stop(told(error), error.exit_code) from error
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    if not raw:
        raise place.stop(t("nothing was collected yet; telemetry starts with the stack: `nexus up`"), 2)
    rawlogs.show(asked["service"], int(asked["limit"]), follow, writers)


def _show_collected(
    found: Questions, asked: dict[str, Any], answer: dict[str, Any], follow: bool, shown: Shown
) -> None:
    if follow:
        _print(found.follow("/logs", asked), shown)
        return
    _know(asked["service"], answer)
    _print(answer["rows"], shown)
    _footnotes(answer, shown)


def _know(services: list[str], answer: dict[str, Any]) -> None:
    """Ends the command with exit code 2 when a service that was asked for never wrote a line."""
    writers = answer.get("services", services)
    for name in services:
        if name not in writers:
            known = ", ".join(writers) or "-"
            raise place.stop(t("no log of {service} yet; there are: {known}", service=name, known=known), 2)


def _print(rows: Iterable[dict[str, Any]], shown: Shown) -> None:
    from nexus.cli.logview import LogView
    from nexus.cli.paint import Paint

    view = LogView(Paint.of_terminal(), shown.full)
    if isinstance(rows, list):
        view.expect(rows)
    for row in rows:
        text = json.dumps(row, ensure_ascii=False) if shown.as_json else view.draw(row)
        sys.stdout.write(f"{text}\n")
        if not isinstance(rows, list):
            sys.stdout.flush()


def _footnotes(answer: dict[str, Any], shown: Shown) -> None:
    """What the reader should know of lines that are not there: one line on stderr."""
    from nexus.cli import times
    from nexus.cli.healthview import drop_texts

    notes = [t("lost: {what}", what=text) for text in drop_texts(answer["missing"]["dropped"])]
    for service, seconds in answer["missing"]["behind"].items():
        notes.append(t("{service} is {time} behind", service=service, time=times.lasting(seconds)))
    if answer["full"] and shown.usual:
        notes.insert(
            0, t("only the newest {count} lines are shown; -n shows more", count=len(answer["rows"]))
        )
    if notes:
        typer.echo(t("nexus: {message}", message="; ".join(notes)), err=True)
