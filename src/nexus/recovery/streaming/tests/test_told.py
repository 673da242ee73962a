"""What the stream is told holds at once; nothing is received when it is not wanted, or without room."""

from __future__ import annotations

from nexus.recovery.streaming.tests.streamed import connected, streamed


async def test_a_full_disk_pauses_it_and_unwanted_it_leaves_nothing_that_keeps_wal() -> None:
    with streamed(synchronous="require") as stream:
        stream.start()
        await stream.until(lambda status: status.commits_wait)
        stream.tell(stream.policy.model_copy(update={"synchronous": "off", "reserve": 1 << 60}))
        status = await stream.until(lambda status: status.state == "paused" and not status.commits_wait)
        assert [each.kind for each in status.troubles] == ["disk"]
        assert status.full_in == 0.0
        assert stream.receiver() is None
        stream.tell(stream.policy.model_copy(update={"reserve": 1 << 20}))
        await stream.until(lambda status: status.state == "streaming" and not status.troubles)
        stream.tell(stream.policy.model_copy(update={"stream": False}))
        await stream.until(lambda now: now.state == "off" and now.slot and now.slot.state == "missing")
        assert stream.receiver() is None
        async with connected(stream.server) as connection:
            assert await connection.fetchval("SHOW synchronous_standby_names") == ""
