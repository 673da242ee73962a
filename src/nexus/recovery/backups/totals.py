"""The numbers of the business, counted at one exact place in the WAL while users write."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import asyncpg

from nexus.migrations.quoting import literal
from nexus.recovery.backups.manifest import Total, Totals
from nexus.recovery.backups.snapshot import WITHIN, moment
from nexus.recovery.backups.totals_files import TotalFile, load_totals
from nexus.recovery.errors import RecoveryFailed
from nexus.stack import Stack

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LONGEST = 300  # seconds that one of them may take
_SETTINGS = f"SET LOCAL statement_timeout = '{LONGEST}s'; SET LOCAL lock_timeout = '10s'"


@dataclass(frozen=True)
class Loss:
    """What came into being since a time, and would be lost: so many, worth so much (decimal text)."""

    name: str
    title: str
    unit: str
    of: str
    count: int
    amount: str


async def count_totals(url: str, stack: Stack, within: float = WITHIN) -> Totals:
    """Counts at one exact place in the WAL. Where that is not to be had `within` seconds, counts one moment
    all the same, says why it is not exact, and gives the place from which on it is in the WAL.

    `url`: the superuser's address of the database that holds the schemas.

    Raises:
        TotalsError: a file cannot be used.
        RecoveryFailed: the database cannot be asked.
    """
    files = [each for each in load_totals(stack) if not each.since]
    try:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await _count(url, connection, files, within)
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise RecoveryFailed(f"the totals cannot be counted: {error}") from error


async def read_totals(connection: Connection, stack: Stack) -> tuple[Total, ...]:
    """Counts on a server that nobody writes to, such as a restored one.

    Raises:
        TotalsError: a file cannot be used.
        RecoveryFailed: a total cannot be counted; says which, and why.
    """
    files = [each for each in load_totals(stack) if not each.since]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found, faults = await _read(connection, files)
    if faults:
        raise RecoveryFailed("; ".join(faults))
    return found


async def losses_since(connection: Connection, stack: Stack, at: datetime) -> tuple[Loss, ...]:
    """What came into being since `at` (with its zone); nothing of the kinds of which there is none.

    Raises:
        TotalsError: a file cannot be used.
        RecoveryFailed: one of them cannot be counted; says which, and why.
    """
    losses: list[Loss] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for each in load_totals(stack):
            if not each.since:
                continue
            try:
                rows = await connection.fetch(each.sql, at)
            except asyncpg.PostgresError as error:
                raise RecoveryFailed(f"{each.file}: {error}") from error
            losses += [
                Loss(each.name, each.title, each.unit, row[0] or "", row[1], _text(row[2]))
                for row in rows
                if row[1]
            ]
    return tuple(losses)


async def _count(url: str, connection: Connection, files: Sequence[TotalFile], within: float) -> Totals:
    why = ""
    try:
        async with moment(url, connection, within) as now:
            at = time.time()
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(f"SET TRANSACTION SNAPSHOT {literal(now.snapshot)}")
                found, faults = await _read(connection, files)
            return Totals(now.lsn, at, True, found, "; ".join(faults))
    except RecoveryFailed as error:
        why = str(error)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        lsn, at = await connection.fetchval("SELECT pg_current_wal_lsn()::text"), time.time()
        found, faults = await _read(connection, files)
    return Totals(lsn, at, False, found, "; ".join((why, *faults)))


async def _read(
    connection: Connection, files: Sequence[TotalFile]
) -> tuple[tuple[Total, ...], tuple[str, ...]]:
    """Each file's rows; one that fails is told, and the others are read all the same."""
    found: list[Total] = []
    faults: list[str] = []
    await connection.execute(_SETTINGS)
    for each in files:
        try:
            async with connection.transaction():
                rows = await connection.fetch(each.sql)
            found += [Total(each.name, each.title, each.unit, row[0] or "", _text(row[1])) for row in rows]
        except (asyncpg.PostgresError, IndexError) as error:
            faults.append(f"{each.name} is missing ({error})")
    return tuple(sorted(found, key=lambda each: (each.name, each.of))), tuple(faults)


def _text(value: Any) -> str:
    """Decimal text, the same for the same number: no exponent, no zeros that mean nothing."""
    text = f"{Decimal(value or 0):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
