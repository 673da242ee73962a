"""A drill from the command's side: its plan, what happens, what was found, how it ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from nexus.cli import place
from nexus.cli.backupread import BAD_INPUT, desk
from nexus.cli.language import language, t
from nexus.cli.progress import Progress, progress
from nexus.recovery.drilling.words import say

if TYPE_CHECKING:
    from nexus.control.drilling.drilling import Asked, Ended

FAILED, INTERRUPTED = 1, 130
MARKS = {"passed": "✓", "failed": "✗", "unproven": "–"}


def follow(asked: Asked, as_json: bool) -> int:
    """Carries it out in this process; returns the exit code."""
    from nexus.control.addresses import Refused

    known = desk()
    if not known.home.database.exists():
        raise place.stop(t("this stack has no database yet; start it with `nexus up`"), BAD_INPUT)
    shown = _Shown(as_json, asked.plan_only)
    try:
        ended = asyncio.run(_run(asked, shown))
    except Refused as error:
        shown.close()
        if as_json:
            _print({"event": "refused", "message": str(error), "exit_code": BAD_INPUT})
        raise place.stop(str(error), BAD_INPUT) from error
    except asyncio.CancelledError:
        ended = ()
    finally:
        shown.close()
    if asked.plan_only:
        return 0
    wanted = len(asked.scenarios) or 1
    code = INTERRUPTED if len(ended) < wanted else 0 if all(each.report.ok for each in ended) else FAILED
    _outcome(ended, code, as_json)
    return code


async def _run(asked: Asked, shown: _Shown) -> tuple[Ended, ...]:
    from nexus.control.drilling.drilling import drill

    stop = asyncio.Event()

    def interrupted() -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)  # the next drill clears away what is left
        stop.set()
        shown.say(t("stopping after the running step; what was made is cleaned up"))

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, task.cancel)  # at once; what was made is cleaned up all the same
    return await drill(desk(), asked, shown.event, stop)


class _Shown:
    """What happens, as lines or as JSON."""

    def __init__(self, as_json: bool, plan_only: bool) -> None:
        self._as_json = as_json
        self._plan_only = plan_only
        self._progress: Progress = progress()

    def event(self, event: dict[str, Any]) -> None:
        """Shows one event."""
        kind = event["event"]
        if self._as_json:
            _print(event)
        elif kind == "plan" and self._plan_only:
            typer.echo(event["text"])
        elif kind == "plan":
            self._progress.say(event["plan"]["title"])
            self._progress.plan(event["plan"])
        elif kind == "step":
            self._progress.step(event)
        elif kind == "said":
            self._progress.say("  " + t(event["text"], **event["values"]))
        elif kind == "typed":
            self._progress.say("  $ " + event["line"])
        elif kind == "finding":
            told = say(event["text"], language(), **event["values"])
            self._progress.say(f"  {MARKS[event['state']]} {event['name']}: {told}")

    def say(self, text: str) -> None:
        """Says something that is no event."""
        if not self._as_json:
            self._progress.say(text)

    def close(self) -> None:
        """No more events."""
        self._progress.close()


def _outcome(ended: tuple[Ended, ...], code: int, as_json: bool) -> None:
    from nexus.cli.drillview import show_report

    if as_json:
        drills = [
            {"id": e.report.id, "ok": e.report.ok, "sentence": str(e.report.sentence), "file": str(e.file)}
            for e in ended
        ]
        reports = [{**asdict(each.report), "ok": each.report.ok} for each in ended]
        _print({"event": "outcome", "exit_code": code, "drills": drills, "reports": reports})
        return
    for each in ended:
        show_report(each.report, language())
        typer.echo(t("report: {file}", file=each.file))
    if code == INTERRUPTED:
        typer.echo(t("interrupted: nothing is proven, and what was made is gone"), err=True)


def _print(event: dict[str, Any]) -> None:
    typer.echo(json.dumps(event, ensure_ascii=False))
