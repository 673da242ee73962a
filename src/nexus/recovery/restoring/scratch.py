"""A restored cluster that runs beside everything else for as long as it is looked at."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nexus.migrations.rehearsing import leftovers
from nexus.migrations.rehearsing.sentence import Say, unsaid
from nexus.postgres import Cluster, ServerFailed
from nexus.recovery.errors import RecoveryFailed
from nexus.recovery.repository import Repository
from nexus.recovery.restoring import alone
from nexus.recovery.restoring.choice import Choice
from nexus.recovery.restoring.restore import WALKABLE, recover
from nexus.recovery.restoring.target import Reached
from nexus.runtimes.process import accounts

# What was prepared and not committed is still so; nothing that is deleted afterwards is brought to the disk.
SETTINGS = {"max_prepared_transactions": "64", "fsync": "off"}


@asynccontextmanager
async def restored(
    choice: Choice, repository: Repository, place: Path, say: Say = unsaid, gentle: bool = False
) -> AsyncIterator[tuple[Cluster, Reached]]:
    """A server on what was chosen, below `place`, a folder that is not there yet and is deleted afterwards.
    `Cluster.url(database)` is its superuser's address. `gentle`: whether everybody else on this machine comes
    first. What killed ones left beside `place` is removed.

    Raises:
        RecoveryFailed: the server does not start; else as `restore` raises.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    for old in leftovers.abandoned(place.parent):
        await asyncio.to_thread(leftovers.clear, old)
    place.mkdir()
    for folder in (place.parent, place):
        folder.chmod(WALKABLE if accounts.can_drop() else 0o700)
    cluster = Cluster(place / "data", place / "server", SETTINGS, gentle=gentle)
    try:
        leftovers.claim(place)
        reached = await recover(choice, repository, cluster.data, cluster.folder, say, False, gentle)
        await serve(cluster)
        yield cluster, reached
    finally:
        await asyncio.shield(cluster.stop())
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


async def serve(cluster: Cluster) -> None:
    """Starts a server on restored files, whose passwords are others'. Raises RecoveryFailed."""
    try:
        cluster.superuser = await alone.take_over(cluster.programs, cluster.data, cluster.password)
        await cluster.start()
    except ServerFailed as error:
        raise RecoveryFailed(str(error)) from error
