"""What services wrote, straight from their files or their containers: when telemetry has nothing (yet)."""

from __future__ import annotations

import sys

import typer

from nexus.cli import place
from nexus.cli.language import t
from nexus.cli.paint import Paint, harmless

LINES = 100


def show(services: list[str], lines: int, follow: bool, writers: list[str]) -> None:
    """Prints the last lines of each, then what comes with `follow`; ends with 2 on a wrong name.

    `writers` are those that telemetry knows.
    """
    from nexus.control.outside import contained_logs
    from nexus.runtimes.home import Home
    from nexus.runtimes.process.logs import Log

    home = Home.at(place.home_path())
    contained = contained_logs(home, place.root(), lines, follow)
    files = sorted(path.stem for path in home.logs.glob("*.log")) if home.logs.is_dir() else []
    known = [*files, *contained]
    for name in services:
        if name not in known:
            there = ", ".join(sorted({*known, *writers})) or "-"
            raise place.stop(t("no log of {service} yet; there are: {known}", service=name, known=there), 2)
    chosen = services or known
    width = max(map(len, chosen), default=0) if len(chosen) > 1 else 0
    names = [name for name in chosen if name in files]
    if any(name in contained for name in chosen):
        _show_contained({name: contained[name] for name in chosen if name in contained}, width)
        follow = follow and not contained
    open_logs = {name: Log(home, name) for name in names}
    for name, log in open_logs.items():
        _print(name, width, log.last(lines))
    if not follow:
        return
    import time

    try:
        while True:
            for name, log in open_logs.items():
                _print(name, width, log.new())
            sys.stdout.flush()
            time.sleep(0.2)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _show_contained(commands: dict[str, tuple[str, ...]], width: int) -> None:
    from nexus.runtimes.containers.logs import show_logs

    def show_line(name: str, line: str) -> None:
        _print(name, width, [line])
        sys.stdout.flush()

    try:
        show_logs(commands, show_line)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _print(name: str, width: int, lines: list[str]) -> None:
    paint = Paint.of_terminal()
    prefix = f"{paint.service(name, f'{name:<{width}}')} | " if width else ""
    sys.stdout.writelines(f"{prefix}{harmless(line) if paint.on else line}\n" for line in lines)
