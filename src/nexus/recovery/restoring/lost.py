"""What a restore gives up: what was committed after the place it reaches, on the timeline it follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from nexus.recovery import lsn
from nexus.recovery.backups.totals import Loss, losses_since
from nexus.recovery.backups.totals_files import TotalsError
from nexus.recovery.errors import RecoveryFailed
from nexus.recovery.repository import Repository
from nexus.recovery.restoring import locate
from nexus.recovery.restoring.choice import Choice
from nexus.recovery.restoring.records import Reader
from nexus.stack import Stack

MOST = 256  # segments that are counted


@dataclass(frozen=True)
class Lost:
    """`transactions` that were committed after it; `whole`: whether those are all, or only as many as were
    counted. `first`, `last`: when they were committed, in seconds since the epoch. `losses`: what of the
    business came into being since, as the living database tells; None where it does not answer, and `why`.
    """

    transactions: int
    whole: bool
    first: float | None
    last: float | None
    losses: tuple[Loss, ...] | None = None
    why: str = ""


async def count_lost(
    choice: Choice, repository: Repository, url: str | None = None, stack: Stack | None = None
) -> Lost:
    """Counts what would be lost. `url`: the superuser's address of the living database that holds the
    schemas, where it answers; `stack`: whose totals are asked.

    Raises:
        Damaged, WrongKey, PlaceError: the WAL cannot be read.
    """
    reader = Reader(repository, choice.backup.segment, choice.backup.system)
    place = lsn.parse(choice.lsn)
    found, whole = await locate.commits_from(reader, choice.future, place, MOST)
    times = [each.at for each in found]
    first, last = (min(times), max(times)) if times else (None, None)
    losses, why = None, "the living database was not asked"
    if url is not None and stack is not None:
        # Restored is what was committed until `at`; a row made in the same microsecond is one of those.
        losses, why = await _losses(url, stack, choice.at or choice.backup.ended)
    return Lost(len(found), whole, first, last, losses, why)


async def _losses(url: str, stack: Stack, at: float) -> tuple[tuple[Loss, ...] | None, str]:
    try:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await losses_since(connection, stack, datetime.fromtimestamp(at, UTC)), ""
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, RecoveryFailed, TotalsError) as error:
        return None, f"the living database does not tell: {error}"
