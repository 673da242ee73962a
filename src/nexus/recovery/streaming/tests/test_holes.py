"""A backup that is taken while the stream is away brings its own WAL; what lies before that comes later."""

from __future__ import annotations

import asyncio

from nexus.recovery.backups import wal
from nexus.recovery.streaming.coverage import Span, coverage
from nexus.recovery.streaming.position import Position, holes, line_of
from nexus.recovery.streaming.tests.streamed import SEGMENT, WITHIN, connected, streamed

SIZE = 100


def test_what_is_missing_before_other_wal_is_wanted_first() -> None:
    line = line_of(2, 900, {1: 450})
    assert holes([Span(2, 450, 700)], line, SIZE) == ()
    assert holes([Span(1, 100, 250), Span(1, 300, 450), Span(2, 450, 700)], line, SIZE) == (
        Position(1, 200, 250),
    )
    assert holes([Span(1, 100, 250), Span(2, 450, 600), Span(2, 650, 700)], line, SIZE) == (
        Position(1, 200, 250),
        Position(2, 600, 600),
    )
    assert holes([Span(1, 100, 470), Span(7, 0, 90), Span(7, 100, 200)], line, SIZE) == ()


async def test_the_stream_closes_the_hole_before_a_backups_own_wal() -> None:
    with streamed() as stream:
        stream.start()
        await stream.until(lambda status: status.state == "streaming")
        await stream.until_sealed()
        assert stream.stop() == 0
        async with connected(stream.server) as connection:
            await connection.execute("CREATE TABLE t (i int)")
            await connection.execute("SELECT pg_switch_wal()")
            since = await connection.fetchval("SELECT pg_current_wal_lsn()::text")
            await connection.execute("INSERT INTO t VALUES (1)")
            held = await wal.hold(connection)
            last = await wal.mark(connection, "a backup")
            repository = stream.repository()
            assert await wal.store_wal(connection, held, repository, 1, SEGMENT, since, last) > 0
        assert len(await coverage(repository)) == 2
        stream.start()
        await stream.until_sealed()
        async with asyncio.timeout(WITHIN):
            while len(await coverage(repository)) > 1:  # what is newest was sealed before
                await asyncio.sleep(0.05)
