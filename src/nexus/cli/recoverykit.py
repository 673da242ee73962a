"""Making the recovery kit: shown once, or written as a page to print."""

from __future__ import annotations

import asyncio
import os
import stat
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

FAILED = 1


def make(html: Path | None, replace: bool) -> None:
    """Makes a kit, after the operator has agreed to replace an older one."""
    from nexus.recovery.kit import count_kit, new_kit
    from nexus.recovery.kit_page import KitFacts, kit_html, kit_text
    from nexus.recovery.sealing.keyring import kit_mark

    known = desk()
    with refusing():
        older = kit_mark(known.home)
        system = asyncio.run(known.system())
    if older is not None and not replace:
        _ask(known, older)
    facts = KitFacts(known.stack, known.home, system)
    kit = new_kit()
    if html is None:
        _show(kit_text(kit, facts, language()))
    else:
        _write(html, kit_html(kit, facts))
    try:
        count_kit(known.home, kit)
    except OSError as error:
        if html is not None:
            html.unlink(missing_ok=True)
        text = "{path} cannot be written: {reason}; the kit that was shown opens nothing, destroy it"
        raise place.stop(t(text, path=error.filename, reason=error.strerror), FAILED) from error
    _note(known, older)
    if html is None:
        typer.echo(t("this is shown once and kept nowhere: print it now"), err=True)
    else:
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


def _show(text: str) -> None:
    """Prints the kit; only when all of it has left us can it count."""
    try:
        print(text)
        sys.stdout.flush()
        _sync(sys.stdout)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where the rest goes at the end
        text = "the kit could not be shown ({reason}), and none was made"
        raise place.stop(t(text, reason=error.strerror), FAILED) from error


def _write(path: Path, text: str) -> None:
    """Writes the page into a new file that only its owner reads; a half one is taken away again."""
    ours = False
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as page:
            ours = True
            page.write(text)
            page.flush()
            _sync(page)
    except OSError as error:
        if ours:
            path.unlink(missing_ok=True)
        message = t("{path} cannot be written: {reason}", path=path, reason=error.strerror)
        raise place.stop(message, BAD_INPUT) from error


def _sync(file: TextIO) -> None:
    """Makes what was written durable, where it is a file and not a terminal or a pipe."""
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        os.fsync(file.fileno())


def _note(known: Desk, older: KitMark | None) -> None:
    from nexus.control.deploying.trail import Trail

    if not known.home.database.exists():
        return
    what = "make the recovery kit" if older is None else "make a new recovery kit, in the place of another"
    with closing(Trail(known.home.database)) as trail:
        trail.add(place.user(), what, ())
