"""A takeover that fails gives the old primary its place back only where no standby becomes one."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from nexus.control.standby.actions import connected
from nexus.control.standby.giving_back import DONE
from nexus.control.standby.taking_over import TakingOver
from nexus.control.standby.tests.bare import Bare, bare, working
from nexus.plans import Plan
from nexus.standby import fence
from nexus.standby.planning import plan_failover


async def fenced(found: Bare) -> TakingOver:
    """A takeover whose first step is done."""
    taking = TakingOver(found.standing)
    steps = plan_failover(found.takeover()).steps[:1]
    await found.run(Plan("the beginning", steps), taking.all())
    return taking


async def test_a_promotion_that_was_asked_for_does_not_go_on_when_the_place_is_given_back() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        record = found.standing.records.standby
        assert record is not None
        taking = await fenced(found)
        os.kill(startup := working(Path(record.data), "startup"), signal.SIGSTOP)
        async with connected(found.standing.url(record.port)) as standby:
            await standby.execute("SELECT pg_promote(false)")  # as one that is not finished in time leaves it
        assert "has its place back" in await taking.undo("a test")
        assert startup not in fence.working_in(Path(record.data))
        primary, standing_by = found.standing.primary, found.standing.standby
        assert primary is not None
        assert standing_by is not None
        await primary.until_ready(60.0)
        await standing_by.until_ready(60.0)
        await found.write(2)
        async with connected(found.standing.url(standing_by.slot.port)) as standby:
            assert await standby.fetchval("SELECT pg_is_in_recovery()")
        assert await found.rows() == {1, 2}


async def test_without_its_folder_the_old_primary_does_not_get_its_place_back() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        taking = await fenced(found)
        former = Path(found.standing.seat.held().holder)
        former.rename(away := former.with_name("away"))
        assert "is gone" in await taking.undo("a test")
        assert found.standing.moving
        await found.moving().on("a test")
        assert not found.standing.moving
        assert await found.rows() == {1}
        shutil.rmtree(away)


async def test_a_standby_that_was_promoted_meanwhile_keeps_the_place() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        record = found.standing.records.standby
        assert record is not None
        taking = await fenced(found)
        async with connected(found.standing.url(record.port)) as standby:
            assert await standby.fetchval("SELECT pg_promote(true, 30)")
        assert await taking.undo("a test") == DONE
        await found.moving().on("a test")
        assert not found.standing.moving
        assert await found.rows() == {1}
