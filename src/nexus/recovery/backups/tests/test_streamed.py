"""With a stream that is alive, a backup waits for its WAL there instead of storing it again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nexus.recovery import layout, lsn
from nexus.recovery.backups.create import create_backup
from nexus.recovery.backups.source import Source
from nexus.recovery.backups.tests.shop import Shop, shop
from nexus.recovery.backups.verify import verify
from nexus.recovery.errors import PlaceError
from nexus.recovery.streaming.coverage import coverage
from nexus.recovery.streaming.tests.streamed import Streamed
from nexus.stack.recovering import LOCAL


@pytest.fixture
def streaming() -> Iterator[tuple[Shop, Streamed]]:
    with shop() as open_shop:
        stream = Streamed(open_shop.room, open_shop.server)
        stream.start()
        try:
            yield open_shop, stream
        finally:
            stream.stop()


async def test_its_wal_is_there_when_its_manifest_is(streaming: tuple[Shop, Streamed]) -> None:
    till, stream = streaming
    await stream.until(lambda status: status.slot is not None and status.sealed_lsn)
    repository = stream.repository(LOCAL)
    async with till.selling():
        made = await create_backup(Source(till.stack, stream.home, till.url), repository, "full")
        (span,) = await coverage(repository)
        assert made.totals is not None
        assert span.holds(lsn.parse(made.start_lsn), lsn.parse(made.totals.lsn))
    found = await verify(repository, made.id, deep=True)
    assert found.ok, found.said
    keys = [entry.key for entry in await repository.entries(layout.WAL)]
    whole = {layout.segment_of(key) for key in keys} - {None}
    assert not [key for key in keys if (chunk := layout.chunk_of(key)) and chunk.segment in whole]


@pytest.fixture
def stranger() -> Iterator[Shop]:
    """Another shop's database."""
    with shop() as found:
        yield found


async def test_backups_of_two_clusters_are_not_mixed(living: Shop, stranger: Shop) -> None:
    await living.back_up()
    with pytest.raises(PlaceError, match="holds backups of another database"):
        await Shop(stranger.server, living.room).back_up()
