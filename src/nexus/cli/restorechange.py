"""Following a restore in place to its end: its plan, what happens, how it ended, what can be done then."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from nexus.cli import place
from nexus.cli.ending import ended, stop_on_interrupt, stopping
from nexus.cli.language import t
from nexus.cli.progress import Progress, progress
from nexus.cli.within import Within
from nexus.control.client import Client

if TYPE_CHECKING:
    from nexus.control.restoring.requests import Wish


@dataclass(frozen=True)
class Asked:
    """How it is to be done: only planned, without asking, told as JSON."""

    plan: bool
    yes: bool
    as_json: bool


def restore(wish: Wish | None, body: Mapping[str, Any], asked: Asked) -> int:
    """In place; returns the exit code."""
    told = None if wish is None else wish.model_dump(exclude_defaults=True)
    return _run("/v1/restore", {**body, "wish": told}, asked)


def undo(asked: Asked) -> int:
    """Takes the last one back; returns the exit code."""
    return _run("/v1/restore/undo", {}, asked)


def _run(path: str, body: Mapping[str, Any], asked: Asked) -> int:
    from nexus.cli import operation
    from nexus.runtimes.home import Home

    client = operation.control(Home.at(place.home_path()))
    body = {**body, "who": place.user()}
    if asked.plan:
        return Following(client, asked.as_json).run(path, {**body, "plan_only": True})
    if not asked.yes:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise place.stop(t("this changes the living stack; look at it with --plan, then say --yes"), 2)
        code = Following(client, asked.as_json).run(path, {**body, "plan_only": True})
        if code:
            return code
        if not typer.confirm(t("go on?"), default=False):
            raise place.stop(t("nothing was done"), 1)
    return Following(client, asked.as_json).run(path, body)


class Following:
    """One operation, from the command's side."""

    def __init__(self, client: Client, as_json: bool) -> None:
        self._client = client
        self._as_json = as_json
        self._shown: Progress = progress()
        self._within = Within()

    def run(self, path: str, body: Mapping[str, Any]) -> int:
        """Follows it to its end. The first Ctrl-C lets running steps end, the second leaves at once."""
        run, plan_only = uuid.uuid4().hex, bool(body.get("plan_only"))
        text = t("stopping after the running steps; the same command goes on later")
        stop_on_interrupt(text, stopping(self._client, run))

        def take(event: dict[str, Any]) -> None:
            if self._as_json:
                typer.echo(json.dumps(event, ensure_ascii=False))
            else:
                self._show(event, plan_only)

        events = self._client.stream(path, {**body, "run": run})
        lost = t("the control loop was lost; `nexus restore --resume` goes on where it was")
        return ended(events, take, self._shown.close, self._fail, plan_only, lost)

    def _show(self, event: dict[str, Any], plan_only: bool) -> None:
        kind = event["event"]
        if kind == "waiting":
            self._shown.say(t("waiting: {holder} is changing this stack", holder=event["holder"]))
        elif kind == "plan" and plan_only:
            typer.echo(event["text"])
        elif kind == "plan":
            self._shown.plan(event["plan"])
        elif kind == "step":
            self._shown.step(event)
        elif kind == "said":
            self._shown.say("  " + t(event["text"], **event["values"]))
        elif kind == "told" and (line := self._within.line(event)):
            self._shown.say(line)
        elif kind == "refused":
            self._fail(event["message"])
        elif kind == "outcome":
            self._outcome(event)

    def _outcome(self, event: Mapping[str, Any]) -> None:
        self._shown.close()
        well = event["exit_code"] == 0
        sentence = event["sentence"]
        if well and event.get("reaches"):
            sentence = t("restored to {reaches}", reaches=event["reaches"])
        typer.echo(sentence, err=not well)
        for note in event.get("notes", ()):
            typer.echo(f"! {note}")
        if event.get("left"):
            typer.echo(
                t(
                    "what had been restored stays in {where}; this deletes it: {command}",
                    where=event["left"],
                    command=event["discard"],
                )
            )
        if event.get("former"):
            typer.echo(
                t(
                    "the former data are in {where}; `nexus restore --undo` puts them back",
                    where=event["former"],
                )
            )
            typer.echo(t("once nobody needs them, this deletes them: {command}", command=event["discard"]))

    def _fail(self, message: str) -> None:
        self._shown.close()
        typer.echo(t("nexus: {message}", message=message), err=True)
