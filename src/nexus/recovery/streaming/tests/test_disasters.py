"""What was acknowledged is in the archive, whatever is killed, at whatever moment."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time

from nexus.recovery.streaming.tests.streamed import Writer, connected, numbers, streamed


async def test_with_require_nothing_acknowledged_is_lost_in_a_storm_of_kills() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # shown when it fails
    chance = random.Random(seed)
    with streamed("second", synchronous="require") as stream:
        stream.start()
        await stream.until(lambda status: status.commits_wait)
        backup = await stream.base_backup()
        async with Writer(stream.server, 300) as writer:
            for _ in range(6):
                await writer.more(chance.randrange(5, 120))
                who = chance.choice(["receiver", "stream", "both", "server"])
                if who in ("receiver", "both") and (receiver := stream.receiver()):
                    os.kill(receiver, signal.SIGKILL)
                if who in ("stream", "both"):
                    stream.kill()
                    stream.start()
                if who == "server":
                    stream.server.kill()
                    stream.server.start()
            await writer.more(chance.randrange(5, 200))
            stream.server.kill()
            shutil.rmtree(stream.server.data)
            acknowledged = set(writer.acknowledged)
        stream.kill()  # what was received is not all sealed: the next process does that
        stream.start()
        received = await stream.until(lambda status: status.state == "away" and status.received_lsn)
        await stream.until(
            lambda status: (
                status.sealed_lsn == received.received_lsn and status.places[0].lsn == status.sealed_lsn
            )
        )
        async with stream.restored(backup, stream.repository("second")) as cluster:
            found = await numbers(cluster)
        assert acknowledged - found == set()


async def test_without_waiting_at_most_a_second_is_lost() -> None:
    with streamed() as stream:
        stream.start()
        await stream.until(lambda status: status.state == "streaming")
        backup = await stream.base_backup()
        async with Writer(stream.server) as writer:
            await writer.more(100)
            stream.server.kill()
            killed = time.monotonic()
            shutil.rmtree(stream.server.data)
        assert stream.stop() == 0
        async with stream.restored(backup, stream.repository()) as cluster:
            found = await numbers(cluster)
        lost = [at for number, at in writer.acknowledged.items() if number not in found]
        assert all(at > killed - 1.0 for at in lost)


async def test_prefer_lets_commits_go_on_without_the_archive_and_waits_again_with_it() -> None:
    with streamed(synchronous="prefer", patience=1.5) as stream:
        stream.start()
        await stream.until(lambda status: status.commits_wait)
        receiver = stream.receiver()
        assert receiver is not None
        async with connected(stream.server) as connection:
            await connection.execute("CREATE TABLE t (i int)")
            os.kill(receiver, signal.SIGSTOP)
            await asyncio.wait_for(connection.execute("INSERT INTO t VALUES (1)"), 30)
            status = await stream.until(
                lambda status: any(each.kind == "synchronous" for each in status.troubles)
            )
            assert not status.commits_wait
            os.kill(receiver, signal.SIGCONT)
            await stream.until(lambda status: status.commits_wait and not status.troubles)
            assert stream.stop() == 0
            await asyncio.wait_for(connection.execute("INSERT INTO t VALUES (2)"), 30)


async def test_require_never_lets_a_commit_go_unarchived() -> None:
    with streamed(synchronous="require", patience=0.5) as stream:
        stream.start()
        await stream.until(lambda status: status.commits_wait)
        assert stream.stop() == 0
        assert "commits wait until the archive is back" in stream.said()
        async with connected(stream.server) as connection:
            committing = asyncio.create_task(connection.execute("CREATE TABLE t (i int)"))
            async with connected(stream.server) as other:
                while not await other.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                ):
                    await asyncio.sleep(0.02)
            assert not committing.done()
            stream.start()
            await asyncio.wait_for(committing, 30)
