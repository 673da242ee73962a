"""Then restored beside the living stack, and compared with now."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from pathlib import Path

from nexus.control.addresses import Refused
from nexus.control.merging.requests import RowsRequest
from nexus.control.migrating.sources import chosen, sources_of
from nexus.control.restoring.begun import new_stamp
from nexus.control.restoring.choosing import check_room
from nexus.control.restoring.engine import Engine, opened
from nexus.control.secrets import DATABASE
from nexus.migrations.migration import Source
from nexus.migrations.rehearsing import leftovers
from nexus.migrations.rehearsing.sentence import Say, Sentence
from nexus.recovery.errors import RecoveryError
from nexus.recovery.merging.difference import Difference, Policy
from nexus.recovery.merging.spool import Spool, clear_old
from nexus.recovery.merging.survey import Asked, survey
from nexus.recovery.restoring.choice import Choice
from nexus.recovery.restoring.scratch import restored
from nexus.runtimes.home import Home
from nexus.stack import Stack

BESIDE = "beside"  # below the home: what is restored to be compared, walked through by PostgreSQL's user
SPOOLED = "recovery/merging"


def spool_of(home: Home, stamp: str) -> Spool:
    """Where a comparison lies."""
    return Spool(home.root / SPOOLED / stamp)


def seen(home: Home, asked: RowsRequest) -> Difference:
    """The comparison that the operator saw.

    Raises:
        Refused: it is not there any more, or of another module.
    """
    try:
        found = spool_of(home, asked.stamp).read()
    except RecoveryError as error:
        raise Refused(str(error)) from error
    if found.module != asked.module:
        raise Refused(f"comparison {asked.stamp} is of {found.module}, and not of {asked.module}")
    return found


async def compared(stack: Stack, home: Home, asked: RowsRequest, say: Say) -> tuple[str, Difference]:
    """Restores what leads to the wish, compares, and removes what was restored; the stamp of the comparison.

    Raises:
        Refused: nothing leads there, or what was asked for cannot be compared.
    """
    source = chosen(sources_of(stack), asked.module)
    wanted = _wanted(source, asked)
    try:
        wanted.check()
        clear_old(home.root / SPOOLED)
        async with opened(stack, home, say, asked.place, asked.key) as engine:
            choice = await engine.choose(asked.wish)
            return await _beside(engine, choice, wanted, say)
    except RecoveryError as error:
        raise Refused(str(error)) from error


async def _beside(engine: Engine, choice: Choice, wanted: Asked, say: Say) -> tuple[str, Difference]:
    if engine.url is None:
        raise Refused("there is no living database to compare with; start the stack with `nexus up`")
    stamp = f"{new_stamp(time.time())}-{secrets.token_hex(3)}"
    place = engine.home.root / BESIDE / stamp
    check_room(place.parent, choice.room)
    reaches = choice.reaches(engine.zone)
    say(Sentence("restoring {reaches} beside the living stack", reaches=reaches))
    try:
        async with restored(choice, engine.repository, place, say) as (cluster, reached):
            url = cluster.url(DATABASE)
            spool = spool_of(engine.home, stamp)
            try:
                found = await survey(url, engine.url, wanted, spool, reaches, reached.at or choice.at, say)
            except BaseException:
                spool.remove()
                raise
    finally:
        _forget(place.parent)
    return stamp, found


async def clear_beside(home: Home) -> int:
    """Ends and removes what killed comparisons left; how many there were."""
    left = leftovers.abandoned(home.root / BESIDE)
    for each in left:
        await asyncio.to_thread(leftovers.clear, each)
    _forget(home.root / BESIDE)
    return len(left)


def _wanted(source: Source, asked: RowsRequest) -> Asked:
    policy = Policy(asked.deleted, asked.changed, asked.added, asked.until, asked.take)
    return Asked(source.module, source.schema, asked.tables, asked.where, policy)


def _forget(folder: Path) -> None:
    """Removes a folder in which nothing is left."""
    if folder.is_dir() and not any(folder.iterdir()):
        shutil.rmtree(folder)
