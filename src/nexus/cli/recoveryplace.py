"""The places that backups lie in: asked, and given their secrets."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import typer

from nexus.cli import place
from nexus.cli.amounts import size
from nexus.cli.backupread import BAD_INPUT, desk
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.control.recovering.desk import Desk
    from nexus.recovery.places import Entry, Place


def check(name: str) -> int:
    """Asks a place, and tells what it has; returns the exit code."""
    from nexus.control.recovering.looking import whole
    from nexus.recovery.errors import RecoveryError
    from nexus.recovery.places.opening import open_place
    from nexus.stack.recovering import LOCAL

    known = _named(name)
    manifest = None if name == LOCAL else known.policy.places[name]
    opened = open_place(name, manifest, known.stack.root, known.home)
    try:
        entries, free = asyncio.run(_ask(opened))
    except RecoveryError as error:
        typer.echo(t("{place}: {why}", place=name, why=error), err=True)
        return 1
    stored = size(sum(each.bytes for each in entries))
    room = t("no end") if free is None else t("{size} free", size=size(free))
    text = "{place} can be written and read: {backups} whole backups, {files} files, {stored}; {room}"
    count = len(whole(entries))
    typer.echo(t(text, place=name, backups=count, files=len(entries), stored=stored, room=room))
    return 0


def keep_secret(name: str, text: str) -> None:
    """Keeps the secret of a place; what streams takes it up by itself."""
    from nexus.control.deploying.trail import Trail
    from nexus.recovery.errors import RecoveryError
    from nexus.recovery.places.secrets import write_secret
    from nexus.stack.recovering import DirectoryPlace

    known = _named(name)
    if isinstance(known.policy.places.get(name), DirectoryPlace | None):
        raise place.stop(t("place {place} is a folder and needs no secret", place=name), BAD_INPUT)
    try:
        write_secret(known.home, name, text)
    except RecoveryError as error:
        raise place.stop(str(error), BAD_INPUT) from error
    with closing(Trail(known.home.database)) as trail:
        trail.add(place.user(), f"set the secret of the place {name}", ())
    typer.echo(t("kept; `nexus recovery place check {place}` asks the place", place=name))


def _named(name: str) -> Desk:
    from nexus.stack.errors import suggest
    from nexus.stack.recovering import LOCAL

    known = desk()
    names = (LOCAL, *known.policy.places)
    if name not in names:
        text = "nexus.yaml names no place {place!r} under recovery.places; {hint}"
        raise place.stop(t(text, place=name, hint=suggest(name, names)), BAD_INPUT)
    return known


async def _ask(opened: Place) -> tuple[tuple[Entry, ...], int | None]:
    try:
        await opened.check()
        return await opened.entries(), await opened.free()
    finally:
        await opened.close()
