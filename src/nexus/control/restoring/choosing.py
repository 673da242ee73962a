"""Which restore is meant: the one that was begun, or a new one that is chosen now."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.control.addresses import Refused
from nexus.control.restoring import reading
from nexus.control.restoring.begun import HALFWAY, UNDOING, Begun, Notes
from nexus.control.restoring.engine import Engine, begin
from nexus.control.restoring.exchange import Exchange
from nexus.control.restoring.figures import lost, minutes
from nexus.control.restoring.requests import RestoreRequest
from nexus.control.restoring.writers import writers
from nexus.recovery.restoring.choice import Choice
from nexus.runtimes.protocol import StartError

if TYPE_CHECKING:
    from nexus.control.world import World


async def chosen(world: World, asked: RestoreRequest, engine: Engine, exchange: Exchange) -> Begun:
    """What the request is about. What was begun and is given up is removed, and forgotten, once there is
    something else to be done.

    Raises:
        Refused: another restore is in the middle of its exchange; nothing leads to the target; no room.
    """
    begun = Notes(world.home).begun()
    if begun is not None and asked.wish in (None, begun.wish):
        if begun.phase in UNDOING:
            raise Refused("the restore is being taken back; `nexus restore --undo` goes on with that")
        if begun.phase != "beside" or not await _outdated(world, begun, engine):
            return begun
        asked = asked.model_copy(update={"wish": begun.wish})
    if begun is not None and begun.phase in HALFWAY:
        raise Refused(
            f"a restore to {begun.reaches} is in the middle of exchanging the data; `nexus restore --resume` "
            "goes on with it, `nexus restore --undo` takes it back"
        )
    if asked.wish is None:
        raise Refused("no restore was begun; say where to, for example --at 14:30 or --latest")
    choice = await engine.choose(asked.wish)
    if begun is not None and not asked.plan_only:
        await _given_up(world, begun, exchange)
    return await _anew(world, asked, engine, exchange, choice, begun)


def from_same_place(asked: RestoreRequest, begun: Begun | None) -> RestoreRequest:
    """Who goes on reads from the place that was named when it was begun. Pure."""
    if begun is None or asked.place or asked.wish not in (None, begun.wish):
        return asked
    return asked.model_copy(update={"place": begun.place})


async def _outdated(world: World, begun: Begun, engine: Engine) -> bool:
    """Whether the latest state is another by now: somebody wrote after what was restored had been read."""
    if begun.wish.kind != "latest" or not begun.done:
        return False
    site = reading.kept_site(world)
    facts = await reading.facts(world, site)
    if any(each.alive for name in writers(site.stack) for each in facts.of(name)):
        return True
    if "restore" not in begun.done:
        return False
    now = (await engine.choose(begun.wish)).at
    return now is not None and (begun.at is None or now > begun.at)


async def _given_up(world: World, begun: Begun, exchange: Exchange) -> None:
    notes = Notes(world.home)
    if begun.phase == "beside":
        try:
            await exchange.drop(begun.stamp)
        except StartError as error:
            raise Refused(str(error)) from error
        notes.drop()
    elif begun.phase == "exchanged":
        notes.finish()
    else:
        notes.forget()


async def _anew(
    world: World,
    asked: RestoreRequest,
    engine: Engine,
    exchange: Exchange,
    choice: Choice,
    former: Begun | None,
) -> Begun:
    assert asked.wish is not None
    begun = begin(asked.wish, choice, engine.zone, time.time(), minutes(engine.home, choice))
    if former is None or not asked.plan_only:  # what it left would make room
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
