"""Then restored beside the living stack, and compared with now."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import asdict
from pathlib import Path

import asyncpg

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
from nexus.recovery.merging.difference import Difference
from nexus.recovery.merging.spool import Spool, clear_old
from nexus.recovery.merging.survey import Asked, survey
from nexus.recovery.restoring.choice import Choice
from nexus.recovery.restoring.scratch import restored
from nexus.runtimes.home import Home
from nexus.stack import Stack

BESIDE = "beside"  # below the home: what is restored to be compared, walked through by PostgreSQL's user
SPOOLED = "recovery/merging"
SORTED_AND_SPOOLED = 2  # times the tables' size: their rows are sorted on the disk, and may all be spooled
CONNECT = 10.0  # seconds
_SIZE = """
SELECT coalesce(sum(pg_table_size(c.oid)), 0)::bigint
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_class AS r ON r.oid = pg_partition_root(c.oid)
WHERE n.nspname = $1 AND c.relkind = 'r' AND ($2::text[] = '{}' OR coalesce(r.relname, c.relname) = ANY ($2))
"""


def spool_of(home: Home, stamp: str) -> Spool:
    """Where a comparison lies."""
    return Spool(home.root / SPOOLED / stamp)


def seen(home: Home, asked: RowsRequest) -> Difference:
    """The comparison that the operator saw.

    Raises:
        Refused: it is not there any more, of another module, or of other rows than are asked for now.
    """
    try:
        found = spool_of(home, asked.stamp).read()
    except RecoveryError as error:
        raise Refused(str(error)) from error
    if found.module != asked.module:
        raise Refused(f"comparison {asked.stamp} is of {found.module}, and not of {asked.module}")
    seen_: dict[str, object] = {"tables": found.chosen, "where": found.where, **asdict(found.policy)}
    other = [name for name, value in asked.told().items() if seen_[name] != value]
    if other:
        raise Refused(
            f"comparison {asked.stamp} was made with other {', '.join(other)}; leave out what was said then, "
            "or compare again without the stamp"
        )
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
        clear_forgotten(home)
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
    rows = await _size(engine.url, wanted)
    check_room(place.parent, choice.room + SORTED_AND_SPOOLED * rows)
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


def clear_forgotten(home: Home) -> None:
    """Deletes comparisons that nobody came back to for a day."""
    clear_old(home.root / SPOOLED)


async def clear_beside(home: Home) -> int:
    """Ends and removes what killed comparisons left; how many there were."""
    left = leftovers.abandoned(home.root / BESIDE)
    for each in left:
        await asyncio.to_thread(leftovers.clear, each)
    _forget(home.root / BESIDE)
    return len(left)


async def _size(url: str, wanted: Asked) -> int:
    """Bytes of the living tables. Raises Refused when the database does not answer."""
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT)
        try:
            return int(await connection.fetchval(_SIZE, wanted.schema, wanted.tables))
        finally:
            await connection.close(timeout=CONNECT)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Refused(f"the living database cannot be compared with: {error}") from error


def _wanted(source: Source, asked: RowsRequest) -> Asked:
    return Asked(source.module, source.schema, asked.tables, asked.where, asked.policy)


def _forget(folder: Path) -> None:
    """Removes a folder in which nothing is left; another comparison may begin in it meanwhile."""
    with contextlib.suppress(OSError):  # it is not empty, or not there
        folder.rmdir()
