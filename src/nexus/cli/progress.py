"""Showing the steps of a running plan: live on a terminal, one line per step elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol

import typer

from nexus.cli.language import t


class Progress(Protocol):
    """What a running operation is shown with."""

    def plan(self, plan: dict[str, Any]) -> None:
        """The plan that is about to be executed."""

    def step(self, event: dict[str, Any]) -> None:
        """A step started, ended or failed."""

    def say(self, text: str) -> None:
        """Something else the operator should know."""

    def close(self) -> None:
        """No more events."""


def progress() -> Progress:
    """The display that fits where we write to."""
    return Live() if sys.stdout.isatty() else Lines()


def describe(event: dict[str, Any]) -> str:
    """One ended step as a line."""
    width = len(str(event["total"]))
    place = f"{event['number']:>{width}}/{event['total']}"
    line = f"[{place}] {named(event)}: {t(event['kind'])}"
    if event["kind"] != "started":
        line += f" ({event['seconds']:.1f} s)"
    return f"{line}: {event['error']}" if event["error"] else line


def named(event: dict[str, Any]) -> str:
    """What a step does to what, and how much of it."""
    weight = event.get("arguments", {}).get("weight")
    return f"{t(event['action'])} {event['target']}" + (f" {weight} %" if weight else "")


class Lines:
    """Plain lines, for logs and pipes."""

    def plan(self, plan: dict[str, Any]) -> None:
        for note in plan["notes"]:
            typer.echo(f"! {note}")

    def step(self, event: dict[str, Any]) -> None:
        if event["kind"] != "started":
            typer.echo(describe(event))

    def say(self, text: str) -> None:
        typer.echo(text)

    def close(self) -> None:
        return


class Live:
    """Ended steps scroll by; running ones stay below them with their clocks."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._console = Console(highlight=False)
        self._running: dict[int, tuple[dict[str, Any], float]] = {}
        self._live = RichLive(
            get_renderable=self._render, console=self._console, refresh_per_second=10, transient=True
        )
        self._open = False

    def plan(self, plan: dict[str, Any]) -> None:
        from rich.markup import escape

        for note in plan["notes"]:
            self._console.print(f"[yellow]![/] {escape(note)}")
        if plan["steps"]:
            self._live.start()
            self._open = True

    def step(self, event: dict[str, Any]) -> None:
        from rich.markup import escape

        number = event["number"]
        if event["kind"] == "started":
            self._running[number] = (event, time.monotonic())
            return
        self._running.pop(number, None)
        colour = "green" if event["kind"] == "done" else "red"
        mark = "✓" if event["kind"] == "done" else "✗"
        seconds = f"[dim]{event['seconds']:.1f} s[/]"
        error = f"\n    [red]{escape(event['error'])}[/]" if event["error"] else ""
        self._console.print(f"[{colour}]{mark}[/] {named(event)} {seconds}{error}")

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def close(self) -> None:
        if self._open:
            self._live.stop()
            self._open = False

    def _render(self) -> Any:
        from rich.text import Text

        now = time.monotonic()
        lines = [f"  {named(event)} {now - began:4.1f} s" for event, began in self._running.values()]
        return Text("\n".join(lines), style="dim")
