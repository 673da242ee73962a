"""Showing a deployment: its steps, its instances, who gets requests, the guard's figures old against new."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

import typer

from nexus.cli import progress
from nexus.cli.deployfigures import COLOURS, MARKS, figures, sentence, share
from nexus.cli.language import t
from nexus.cli.within import Within

QUIET_SECONDS = 5.0


class View(Protocol):
    """What a deployment is shown with; `show` takes every event of it."""

    def show(self, event: Mapping[str, Any]) -> None:
        """One event."""

    def say(self, text: str) -> None:
        """Something else the operator should know."""

    def close(self) -> None:
        """No more events."""


def view(as_json: bool) -> View:
    """The display that fits where we write to."""
    if as_json:
        return JsonLines()
    return Live() if sys.stdout.isatty() else Lines()


class JsonLines:
    """Every event as it came, one JSON object per line; what else is said goes to stderr."""

    def show(self, event: Mapping[str, Any]) -> None:
        typer.echo(json.dumps(event, ensure_ascii=False))

    def say(self, text: str) -> None:
        typer.echo(text, err=True)

    def close(self) -> None:
        return


class Lines(progress.Lines):
    """Plain lines: each ended step; while it is judged, the figures every few seconds."""

    def __init__(self) -> None:
        self._told = 0.0
        self._within = Within()

    def show(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "deployment":
            typer.echo(headline(event))
        elif kind == "plan":
            self.plan(event["plan"])
        elif kind == "step":
            self.step({**event, "error": ""})  # the way back begins with it
        elif kind == "told" and (line := self._within.line(event)):
            typer.echo(line)
        elif kind == "rollout" and time.monotonic() - self._told >= QUIET_SECONDS:
            self._told = time.monotonic()
            typer.echo(f"  {share(event)}: {sentence(event)}")


class Live(progress.Live):
    """Ended steps scroll by; below them stand the running ones, the instances, the shares and the figures."""

    def __init__(self) -> None:
        self._instances: dict[str, list[dict[str, Any]]] = {}
        self._judged: dict[str, Mapping[str, Any]] = {}
        self._within = Within()
        super().__init__()

    def show(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "deployment":
            self._console.print(headline(event), style="bold", markup=False)
        elif kind == "plan":
            self.plan(event["plan"])
        elif kind == "step":
            if event["kind"] != "started" and event["action"] in ("judge", "watch"):
                self._judged = {}
            self.step({**event, "error": ""})  # the way back begins with it
        elif kind == "told" and (line := self._within.line(event)):
            self._console.print(line, markup=False, style="dim")
        elif kind == "rollout":
            self._judged[event["service"]] = event
        elif kind == "instances":
            self._instances[event["service"]] = event["instances"]

    def _render(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        shown: list[Any] = [super()._render()]
        for service, instances in self._instances.items():
            line = Text(f"  {service:<10} ", style="dim")
            for each in instances:
                line.append(f"{MARKS[each['state']]} ", style=COLOURS[each["state"]])
                side = f" {t('candidate')}" if each["side"] == "candidate" else ""
                line.append(f"{each['id']}{side}  ", style="cyan" if side else "")
            shown.append(line)
        for judged in self._judged.values():
            shown += [Text(""), *figures(judged)]
        return Group(*shown)


def headline(event: Mapping[str, Any]) -> str:
    """What is let in in the place of what, and who asked."""
    changes = ", ".join(
        f"{name} {each['before']} → {each['after']}" for name, each in event["services"].items()
    )
    return t(
        "{kind} {id}: {changes} (asked by {who})",
        kind=t(event["kind"]),
        id=event["id"],
        changes=changes,
        who=event["who"],
    )
