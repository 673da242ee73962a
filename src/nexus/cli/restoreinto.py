"""`nexus restore --into`: shown, asked about, done in this process."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nexus.cli import place
from nexus.cli.ending import FAILED, INTERRUPTED
from nexus.cli.language import t
from nexus.cli.progress import progress
from nexus.cli.restorechange import Asked

if TYPE_CHECKING:
    from nexus.control.restoring.elsewhere.elsewhere import Elsewhere, Into
    from nexus.migrations.rehearsing.sentence import Sentence
    from nexus.plans import Outcome, StepEvent


def into(wanted: Elsewhere, asked: Asked) -> int:
    """Restores into a folder or as a new stack; returns the exit code."""
    from nexus.control.addresses import Refused
    from nexus.recovery.errors import RecoveryError

    try:
        return asyncio.run(_into(wanted, asked))
    except (Refused, RecoveryError) as error:
        if asked.as_json:
            _print({"event": "refused", "message": str(error), "exit_code": 2})
        raise place.stop(str(error), 2) from error
    except KeyboardInterrupt:
        raise place.stop(t("interrupted; the same command begins anew"), INTERRUPTED) from None


async def _into(wanted: Elsewhere, asked: Asked) -> int:
    from nexus.control.restoring.elsewhere.elsewhere import opened_for

    def say(sentence: Sentence) -> None:
        if asked.as_json:
            _print(
                {
                    "event": "said",
                    "text": sentence.text,
                    "values": {k: str(v) for k, v in sentence.values.items()},
                }
            )
        elif not asked.plan:
            shown.say("  " + t(sentence.text, **sentence.values))

    shown = progress()
    try:
        async with opened_for(wanted, say) as restoring:
            plan = await restoring.plan()
            if asked.as_json:
                _print({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
            elif asked.plan or not asked.yes:
                typer.echo(plan.text())
            if asked.plan:
                return 0
            if not (asked.yes or asked.as_json or _agrees()):
                raise place.stop(t("nothing was done"), 1)

            def tell(event: StepEvent) -> None:
                from nexus.control.progress import step_told

                told = step_told(event)
                if asked.as_json:
                    _print(told)
                else:
                    shown.step(told)

            ended = await restoring.run(plan, place.user(), tell)
            shown.close()
            return _ended(ended, restoring, asked)
    finally:
        shown.close()


def _agrees() -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True  # nothing that is there is touched
    return typer.confirm(t("go on?"), default=False)


def _ended(ended: Outcome, restoring: Into, asked: Asked) -> int:
    well = ended.state == "done"
    sentence = t("restored to {reaches}", reaches=restoring.begun.reaches) if well else ended.sentence()
    if asked.as_json:
        told = {"reaches": restoring.begun.reaches, "next": restoring.next() if well else ""}
        _print(
            {
                "event": "outcome",
                "state": ended.state,
                "sentence": sentence,
                "exit_code": ended.exit_code,
                "notes": restoring.said,
                **told,
            }
        )
        return ended.exit_code
    typer.echo(sentence, err=not well)
    for note in restoring.said:
        typer.echo(f"! {note}")
    if well:
        typer.echo(t("this starts it: {command}", command=restoring.next()))
    return ended.exit_code if ended.exit_code else 0 if well else FAILED


def _print(event: dict[str, Any]) -> None:
    typer.echo(json.dumps(event, ensure_ascii=False))


def secret(file: str) -> str:
    """The secret of a place that is read from a file, or asked for ("-")."""
    if not file:
        return ""
    if file == "-":
        return (
            str(typer.prompt(t("the place's secret"), hide_input=True))
            if sys.stdin.isatty()
            else sys.stdin.read()
        )
    try:
        return Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise place.stop(t("{file} cannot be read: {why}", file=file, why=error), 2) from error
