"""`nexus logs`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

Services = Annotated[list[str] | None, typer.Argument(help="The services; all when none is named.")]
Follow = Annotated[bool, typer.Option("-f", "--follow", help="Go on showing new lines.")]
Lines = Annotated[int, typer.Option("-n", "--lines", min=0, help="How many lines of the past, per service.")]


def logs(services: Services = None, follow: Follow = False, lines: Lines = 100) -> None:
    """Show what services wrote, the control loop (`control`) included."""
    from nexus.control.outside import contained_logs
    from nexus.runtimes.home import Home
    from nexus.runtimes.process.logs import Log

    home = Home.at(place.home_path())
    contained = contained_logs(home, place.root(), lines, follow)
    files = sorted(path.stem for path in home.logs.glob("*.log")) if home.logs.is_dir() else []
    known = [*files, *contained]
    for name in services or ():
        if name not in known:
            raise place.stop(
                t("no log of {service} yet; there are: {known}", service=name, known=", ".join(known) or "-"),
                2,
            )
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

    def show(name: str, line: str) -> None:
        _print(name, width, [line])
        sys.stdout.flush()

    try:
        show_logs(commands, show)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _print(name: str, width: int, lines: list[str]) -> None:
    prefix = f"{name:<{width}} | " if width else ""
    sys.stdout.writelines(f"{prefix}{line}\n" for line in lines)
