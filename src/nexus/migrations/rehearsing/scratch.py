"""A scratch server that holds what the living one holds, for as long as a rehearsal lasts."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nexus.migrations.rehearsing import leftovers
from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.migrations.rehearsing.filling import MAX_RATE, Filling, fillings
from nexus.migrations.rehearsing.living import LivingServer, check_room
from nexus.migrations.rehearsing.report import Copy
from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.postgres import programs
from nexus.postgres.cluster import Cluster
from nexus.postgres.errors import ServerFailed

MAJOR = 10_000  # server_version_num is 180001 for 18.1
WALKABLE = 0o711  # its users can walk through, and not list


@dataclass(frozen=True)
class Scratch:
    """The server in `place`. `home` is what a stack that runs on it would have as its home."""

    place: Path
    cluster: Cluster
    copy: Copy
    url: str = field(repr=False)

    @property
    def home(self) -> Path:
        return leftovers.home_in(self.place)


@asynccontextmanager
async def scratch(
    place: Path,
    server: LivingServer,
    service: str = "postgres",
    max_rate: str = MAX_RATE,
    ways: Sequence[Filling] | None = None,
    say: Say = unsaid,
) -> AsyncIterator[Scratch]:
    """A filled server below `place`, a folder that is not there yet; all of it is deleted afterwards.

    `service`: the database's name in its stack. `ways`: other ways to fill it than those the server allows;
    the next is tried where one fails.

    Raises:
        RehearsalFailed: the disk is too small, or no way worked.
    """
    place.mkdir(parents=True, mode=WALKABLE)
    for folder in (place.parent, place):
        folder.chmod(WALKABLE if os.geteuid() == 0 else 0o700)
    cluster: Cluster | None = None
    try:
        leftovers.claim(place)
        home = leftovers.home_in(place)
        (home / "data").mkdir(parents=True)
        for folder in (home, home / "data"):
            folder.chmod(WALKABLE if os.geteuid() == 0 else 0o700)
        cluster = Cluster(home / "data" / service, place / "server", server.settings)
        copied = await _filled(cluster, fillings(server, max_rate) if ways is None else ways, server, say)
        yield Scratch(place, cluster, copied, cluster.url(programs.database(server.url)))
    finally:
        if cluster is not None:
            await asyncio.shield(cluster.stop())
        shutil.rmtree(place, ignore_errors=True)


async def _filled(cluster: Cluster, ways: Sequence[Filling], server: LivingServer, say: Say) -> Copy:
    notes = list(server.notes)
    for number, way in enumerate(ways, 1):
        began = time.monotonic()
        try:
            check_room(cluster.data.parent, way.bytes)
            told = Sentence(
                "the database is copied: {way}, {mb} MB", way=way.describe(), mb=round(way.bytes / 1e6)
            )
            say(told)
            cluster.furnish()
            await way.fill(cluster)
            notes += await _other_version(cluster, server)
            return Copy(way.describe(), way.bytes, time.monotonic() - began, tuple(notes))
        except (RehearsalFailed, ServerFailed) as error:
            await cluster.stop()
            shutil.rmtree(cluster.data, ignore_errors=True)
            if number == len(ways):
                raise RehearsalFailed(str(error)) from error
            told = Sentence("{way} was not possible: {why}", way=way.describe(), why=error)
            notes.append(str(told))
            say(told)
    raise RehearsalFailed("there is no way to copy the living database")


async def _other_version(cluster: Cluster, server: LivingServer) -> list[str]:
    """That the copy runs another PostgreSQL than the living database."""
    ours, theirs = await cluster.version() // MAJOR, server.version // MAJOR
    if ours == theirs:
        return []
    return [f"the copy runs PostgreSQL {ours}, the living database {theirs}: locks and times may differ"]
