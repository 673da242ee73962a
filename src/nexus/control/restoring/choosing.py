"""Which restore is meant: the one that was begun, or a new one that is chosen now."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.control.addresses import Refused
from nexus.control.restoring import reading
from nexus.control.restoring.begun import Begun, Notes
from nexus.control.restoring.engine import Engine, begin
from nexus.control.restoring.exchange import Exchange
from nexus.control.restoring.figures import lost, minutes
from nexus.control.restoring.requests import RestoreRequest

if TYPE_CHECKING:
    from nexus.control.world import World


async def chosen(world: World, asked: RestoreRequest, engine: Engine, exchange: Exchange) -> Begun:
    """What the request is about.

    Raises:
        Refused: another restore is in the middle of its exchange; nothing leads to the target; no room.
    """
    begun = Notes(world.home).begun()
    if begun is not None and asked.wish in (None, begun.wish):
        if begun.phase == "undoing":
            raise Refused("the restore is being taken back; `nexus restore --undo` goes on with that")
        return begun
    if begun is not None and begun.phase != "beside":
        raise Refused(
            f"a restore to {begun.reaches} is in the middle of exchanging the data; `nexus restore --resume` "
            "goes on with it, `nexus restore --undo` takes it back"
        )
    if asked.wish is None:
        raise Refused("no restore was begun; say where to, for example --at 14:30 or --latest")
    if begun is not None and not asked.plan_only:
        await exchange.drop(begun.stamp)
    return await _anew(world, asked, engine, exchange)


async def _anew(world: World, asked: RestoreRequest, engine: Engine, exchange: Exchange) -> Begun:
    assert asked.wish is not None
    choice = await engine.choose(asked.wish)
    begun = begin(asked.wish, choice, engine.zone, time.time(), minutes(engine.home, choice))
    check_room(exchange.restored(begun.stamp).parent, choice.room)
    noted, latest = choice.backup.releases, asked.wish.kind == "latest"
    fits = reading.matched(world, choice.at, noted, latest, asked.keep_releases)
    gone = tuple(
        f"{name}: its release of that time cannot run any more ({why}); the present one runs, and what its "
        "schema lacks is applied"
        for name, why in fits.gone.items()
    )
    return replace(
        begun,
        place=asked.place,
        keep_releases=asked.keep_releases,
        releases=fits.releases,
        before={name: world.catalogue.stable().get(name, "") for name in fits.releases},
        lost=await lost(engine, choice, reading.kept_site(world).stack),
        notes=(*begun.notes, *gone),
    )


def check_room(folder: Path, wanted: int) -> None:
    """Whether a disk has room for what is restored.

    Raises:
        Refused: it has not; says how much is missing.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise Refused(
            f"{folder} has {free / 1e9:.1f} GB left and {wanted / 1e9:.1f} GB are needed; make room, or "
            "restore with --into FOLDER on another disk"
        )
