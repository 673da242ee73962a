"""Making the recovery kit: shown once, or written as a page to print."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from nexus.cli import place
from nexus.cli.backupread import BAD_INPUT, desk, refusing
from nexus.cli.backupview import at
from nexus.cli.language import language, t

if TYPE_CHECKING:
    from nexus.control.recovering.desk import Desk
    from nexus.recovery.sealing.keyring import KitMark


def make(html: Path | None, replace: bool) -> None:
    """Makes a kit, after the operator has agreed to replace an older one."""
    from nexus.recovery.kit import make_kit
    from nexus.recovery.kit_page import KitFacts, kit_html, kit_text
    from nexus.recovery.sealing.keyring import kit_mark

    known = desk()
    with refusing():
        older = kit_mark(known.home)
        system = asyncio.run(known.system())
    if older is not None and not replace:
        _ask(known, older)
    facts = KitFacts(known.stack, known.home, system)
    page = None if html is None else _open(html)
    with refusing():
        kit = make_kit(known.home)
    _note(known, older)
    if page is None:
        typer.echo(kit_text(kit, facts, language()))
        typer.echo(t("this is shown once and kept nowhere: print it now"), err=True)
    else:
        with page:
            page.write(kit_html(kit, facts))
        typer.echo(t("written: {path}", path=html))
        typer.echo(t("print it and delete the file: it opens every backup"), err=True)


def _ask(known: Desk, older: KitMark) -> None:
    made = at(older.made, known.policy.schedule.zone)
    text = "there is a kit, made {when}; what was sealed before is opened by that one alone, keep it"
    typer.echo(t(text, when=made), err=True)
    if not sys.stdin.isatty():
        raise place.stop(t("nothing was done; --replace makes a new one"), BAD_INPUT)
    if not typer.confirm(t("make a new kit?"), err=True):
        raise place.stop(t("nothing was done"), 1)


def _open(path: Path) -> TextIO:
    """A file that only its owner reads, opened before there is a key that could be lost."""
    try:
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except OSError as error:
        message = t("{path} cannot be written: {reason}", path=path, reason=error.strerror)
        raise place.stop(message, BAD_INPUT) from error


def _note(known: Desk, older: KitMark | None) -> None:
    from nexus.control.deploying.trail import Trail

    if not known.home.database.exists():
        return
    what = "make the recovery kit" if older is None else "make a new recovery kit, in the place of another"
    with closing(Trail(known.home.database)) as trail:
        trail.add(place.user(), what, ())
