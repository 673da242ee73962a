"""Following a change of schemas to its end: its plan, each migration, what it waits for, how far it is."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import typer

from nexus.cli import progress
from nexus.cli.ending import ended, stop_on_interrupt, stopping
from nexus.cli.language import t
from nexus.cli.migrateplace import coded, waiting
from nexus.cli.migratesaid import ACTIONS, said
from nexus.cli.within import Within
from nexus.control.client import Client

PASSING = ("waiting", "progress", "batch")  # told again and again


class View(Protocol):
    """What a change is shown with."""

    def plan(self, plan: dict[str, Any]) -> None:
        """The plan that is about to be carried out."""

    def step(self, event: dict[str, Any]) -> None:
        """A migration began, ended or failed."""

    def told(self, event: Mapping[str, Any]) -> None:
        """Something happened within one."""

    def say(self, text: str) -> None:
        """Something else the operator should know."""

    def close(self) -> None:
        """No more events."""


class Lines(progress.Lines):
    """Plain lines; what is told again and again only now and then."""

    def __init__(self) -> None:
        self._within = Within()

    def step(self, event: dict[str, Any]) -> None:
        super().step(_full(event))

    def told(self, event: Mapping[str, Any]) -> None:
        if event["kind"] == "statement":  # of each of hundreds; the live display shows the one that runs
            return
        if line := self._within.line(event):
            typer.echo(line)


class Live(progress.Live):
    """Ended migrations scroll by; below the running one stands what happens within it."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}
        super().__init__()

    def step(self, event: dict[str, Any]) -> None:
        self._now.clear()
        super().step(_full(event))

    def told(self, event: Mapping[str, Any]) -> None:
        line = said(event)
        if event["kind"] in PASSING or event["kind"] == "statement":
            self._now = {event["kind"]: line} if line else {}
        elif line:
            self._console.print(f"  {line}", markup=False, style="dim")

    def _render(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        return Group(super()._render(), *(Text(f"    {line}", style="dim") for line in self._now.values()))


class Following:
    """One change, from the command's side. `shown`: its plan was shown already.

    `planned`: whether the last plan has steps; `digest`: of the migrations in it.
    """

    def __init__(self, client: Client, as_json: bool, shown: bool = False) -> None:
        self._client = client
        self._as_json = as_json
        self._shown = shown
        self._view: View = Live() if sys.stdout.isatty() else Lines()
        self._errors: list[str] = []
        self.planned = False
        self.digest = ""

    def run(self, path: str, body: Mapping[str, Any]) -> int:
        """Asks for it and follows it to its end; returns the command's exit code.

        The first Ctrl-C lets the running migration end, or let go where it keeps out of others' way; the
        second leaves at once.
        """
        run, plan_only = uuid.uuid4().hex, bool(body.get("plan_only"))
        text = t("stopping once the running migration ends or lets go; the same command goes on")
        stop_on_interrupt(text, stopping(self._client, run))
        began = time.monotonic()
        return ended(
            self._client.stream(path, {**body, "run": run}),
            lambda event: self._take(event, plan_only, time.monotonic() - began),
            self._view.close,
            self._fail,
            plan_only,
            t("the control loop was lost; the same command goes on where it was"),
        )

    def _take(self, event: dict[str, Any], plan_only: bool, seconds: float) -> None:
        if self._as_json:
            typer.echo(json.dumps(event, ensure_ascii=False))
        if event["event"] == "refused":
            self._fail(coded(event["message"], event.get("code", "")))
            return
        if event["event"] == "plan":
            plan = event["plan"]
            self.planned, self.digest = bool(plan.get("steps")), plan.get("digest", "")
        if not self._as_json:
            self._tell(event, plan_only, seconds)

    def _tell(self, event: dict[str, Any], plan_only: bool, seconds: float) -> None:
        kind = event["event"]
        if kind == "waiting":
            self._view.say(t("waiting: {holder} is changing this stack", holder=event["holder"]))
        elif kind == "plan" and (plan_only or event["plan"].get("refusals")):
            typer.echo(event["text"])
        elif kind == "plan" and not self._shown:
            self._view.plan({"steps": [], "notes": [], **event["plan"]})
        elif kind == "step":
            self._view.step(event)
            self._errors += [event["error"]] if event["error"] else []
        elif kind == "told":
            self._view.told(event)
        elif kind == "outcome":
            self._view.close()
            _outcome(event, seconds, self._errors)

    def _fail(self, message: str) -> None:
        self._view.close()
        typer.echo(t("nexus: {message}", message=message), err=True)


def _full(event: Mapping[str, Any]) -> dict[str, Any]:
    """A step's event, whose target is the migration and not its module alone, and whose action is a word."""
    name = event["arguments"].get("migration")
    target = f"{event['target']}/{name}" if name else event["target"]
    return {**event, "target": target, "action": ACTIONS.get(event["action"], event["action"])}


def _outcome(event: Mapping[str, Any], seconds: float, shown: Sequence[str]) -> None:
    """`shown`: errors of steps that stand above it and are not said again."""
    more = waiting(event.get("later", 0))
    if event["state"] == "done":
        count = event["done"]
        if count == 1:
            text = t("done: 1 step in {seconds:.1f} s", seconds=seconds)
        else:
            text = t("done: {count} steps in {seconds:.1f} s", count=count, seconds=seconds)
        typer.echo(text + more)
    elif event["state"] == "nothing to do":
        typer.echo(t("nothing to do") + more)
    else:
        sentence = event["sentence"]
        for error in shown:
            sentence = sentence.replace(f": {error})", ")")
        typer.echo(sentence, err=True)
