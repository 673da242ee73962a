"""A merge whose process is killed leaves nothing of it behind."""

from __future__ import annotations

import asyncio
import signal
import sys

import asyncpg
from nexus_kit.testing.servers import PostgresServer

from nexus.recovery.merging.tests.two import two

MERGE = """
import asyncio, sys
from pathlib import Path
from nexus.recovery.merging.merging import Merge
from nexus.recovery.merging.spool import Spool
spool = Spool(Path(sys.argv[2]))
asyncio.run(Merge(sys.argv[1], spool.read(), spool).run())
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'nexus restore rows' AND {}"


async def test_killed_within_its_transaction(server: PostgresServer) -> None:
    async with two(server) as crm:
        await crm.both("CREATE TABLE a (id int PRIMARY KEY, v int)", "INSERT INTO a VALUES (1, 1), (2, 2)")
        await crm.both(
            "CREATE TABLE b (id int PRIMARY KEY REFERENCES a, v int)", "INSERT INTO b VALUES (2, 2)"
        )
        await crm.run(crm.now, "UPDATE a SET v = 0", "UPDATE b SET v = 0")
        await crm.compare()
        holder = await asyncpg.connect(crm.now)
        try:
            await holder.execute("BEGIN; SELECT FROM crm.b FOR UPDATE")  # a is written, b must be waited for
            command = (sys.executable, "-c", MERGE, crm.now, str(crm.spool.folder))
            child = await asyncio.create_subprocess_exec(*command)
            while not await crm.value(WAITING.format("wait_event_type = 'Lock'")):
                assert child.returncode is None
                await asyncio.sleep(0.02)
            child.send_signal(signal.SIGKILL)
            await child.wait()
            while await crm.value(WAITING.format("true")):
                await asyncio.sleep(0.02)
            await holder.execute("ROLLBACK")
        finally:
            await holder.close()
        assert await crm.rows("a") == [("(1,0)",), ("(2,0)",)]
        assert (await crm.merge(crm.spool.read())).put == 3
        assert await crm.rows("b") == await crm.rows("b", crm.then)
