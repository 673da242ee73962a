"""Which options of `nexus restore` go together; what does not is refused before anything is asked or done."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import typer

from nexus.cli import place
from nexus.cli.language import t

NOT_WITH_UNDO = ("--into", "--from", "--key", "--secret", "--keep-releases", "--timeline", "--take-over")
NOT_WITH_RESUME = ("--into", "--timeline", "--take-over")


def check(given: Mapping[str, object], undo: bool, resume: bool) -> None:
    """Ends the command with exit code 2 when an option would have no effect. `given`: option → its value."""
    there = {name for name, value in given.items() if value}
    if undo:
        _none(there, NOT_WITH_UNDO, "--undo")
    if resume:
        _none(there, NOT_WITH_RESUME, "--resume")
    if "--into" in there:
        _none(there, ("--keep-releases",), "--into")
        return
    for name in ("--secret", "--take-over"):
        if name in there:
            raise place.stop(t("{option} needs --into", option=name), 2)
    told = str(given.get("--from") or "")
    if told and _is_place(told):
        sentence = t(
            "--from {place} says where backups are, which needs --into; here, name one of recovery.places",
            place=told,
        )
        raise place.stop(sentence, 2)


def take_over(yes: bool) -> int:
    """The stack of this home goes on with the backups of the one it was made from; returns the exit code."""
    from nexus.control.recovering.apart import is_apart, take_over
    from nexus.runtimes.home import Home

    home = Home.at(place.home_path())
    if not is_apart(home):
        typer.echo(t("this stack is not set apart: nothing to do"))
        return 0
    if not yes:
        typer.echo(t("from now on this stack writes into the places of the one that it was made from"))
        if not (sys.stdin.isatty() and typer.confirm(t("does that one never run again?"), default=False)):
            raise place.stop(t("nothing was done; --yes does it without asking"), 2)
    take_over(home)
    typer.echo(t("this stack took over: it is backed up and streamed away from now on"))
    return 0


def _none(there: set[str], options: tuple[str, ...], beside: str) -> None:
    for name in options:
        if name in there and name != beside:
            raise place.stop(t("{option} says nothing with {beside}", option=name, beside=beside), 2)


def _is_place(text: str) -> bool:
    from nexus.control.restoring.elsewhere.source import is_place

    return is_place(text)
