"""`nexus top`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

Once = Annotated[bool, typer.Option("--once", help="Print one picture and end.")]
Every = Annotated[float, typer.Option("--every", min=0.5, max=60, help="Seconds between two pictures.")]

ARROWS = {"\x1b[A": "k", "\x1b[B": "j"}


def top(once: Once = False, every: Every = 2.0) -> None:
    """Watch the whole stack live. Keys: 1 to 4 choose a view, s sorts, j and k scroll KPIs, q quits."""
    from nexus.cli.asking import asking

    with asking() as questions:
        if once:
            from nexus.cli.tables import console
            from nexus.cli.topview import Picture

            screen = console()
            screen.print(Picture(_read(questions)).draw(screen.width, None))
            return
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise place.stop(t("this is no terminal; --once prints one picture"), 2)
        try:
            _watch(questions, every)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


def _read(questions: Any) -> dict[str, Any]:
    """A picture: what telemetry says, and what the control loop says of the services."""
    from nexus.cli.status import read

    found: dict[str, Any] = questions.ask("/top")
    return {**found, "status": read()}


def _watch(questions: Any, every: float) -> None:
    from rich.console import Console
    from rich.live import Live

    from nexus.cli.topview import Picture

    console = Console(highlight=False)
    picture = Picture(_read(questions))
    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            width, height = console.size
            live.update(picture.draw(width, height), refresh=True)
            key = pressed(every)
            if key in ("q", "\x1b", "\x03"):
                return
            if key:
                picture.press(key)
            else:
                picture.told = _read(questions)


@contextmanager
def _keys() -> Iterator[Any]:
    """A function that waits so many seconds for a key and returns it, "" when none was pressed."""
    import os
    import select
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)

    def pressed(seconds: float) -> str:
        ready, _, _ = select.select([terminal], [], [], seconds)
        said = os.read(terminal, 16).decode("utf-8", "replace") if ready else ""
        return ARROWS.get(said, said[:1] if len(said) == 1 else "")

    try:
        yield pressed
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
