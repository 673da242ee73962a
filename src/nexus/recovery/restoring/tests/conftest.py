"""One history for all tests of the folder: two backups, two points of one name, sales before and after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.restoring.tests.living import Living, living, walkable_room


@dataclass
class History:
    """How many sales there were when; times in seconds since the epoch."""

    living: Living
    full: BackupManifest
    incremental: BackupManifest
    between: tuple[float, int]
    noons: tuple[int, int]
    late: tuple[float, int]
    place: tuple[str, int]
    last: tuple[int, int]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def history() -> AsyncIterator[History]:
    """Full backup, sales, incremental backup, sales; the WAL archived as far as it goes."""
    with living() as found:
        for setting in ("wal_level = logical", "summarize_wal = on"):
            await found.ask(f"ALTER SYSTEM SET {setting}")
        found.server.stop()
        found.server.start()
        await found.ask("CREATE TABLE sale (id bigserial PRIMARY KEY, at timestamptz DEFAULT now())")
        await found.ask(
            "CREATE TABLE stock AS SELECT g AS id, md5(g::text) AS name FROM generate_series(1, 90000) g"
        )
        await found.sell(10)
        full = await found.back_up("full")
        count = await found.sell(10)
        between = (await found.now(), count)
        noons = [await found.sell(5)]
        await found.ask("SELECT pg_create_restore_point('noon')")
        noons.append(await found.sell(5))
        await found.ask("SELECT pg_create_restore_point('noon')")
        await found.sell(5)
        await found.ask("SELECT pg_create_restore_point('nexus-shop-20261101000100_prices-20261126T101500Z')")
        await found.archive()
        incremental = await found.back_up("incremental")
        count = await found.sell(10)
        late = (await found.now(), count)
        await found.ask("SELECT pg_switch_wal()")
        place = (str(await found.ask("SELECT pg_current_wal_insert_lsn()::text")), count)
        count = await found.sell(20)
        last = (await found.archive(), count)
        yield History(found, full, incremental, between, (noons[0], noons[1]), late, place, last)


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that PostgreSQL's user can walk through."""
    with walkable_room() as found:
        yield found
