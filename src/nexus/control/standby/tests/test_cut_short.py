"""A takeover that is cut short between any two of its steps is finished by the next control loop."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from nexus.control.standby.actions import connected
from nexus.control.standby.taking_over import TakingOver
from nexus.control.standby.tests.bare import bare
from nexus.plans import Plan
from nexus.runtimes.protocol import StartError
from nexus.standby import fence
from nexus.standby.errors import SeatTaken
from nexus.standby.planning import plan_failover

STEPS = 5  # of a failover


async def test_cut_short_before_any_of_its_steps_a_takeover_is_finished() -> None:
    async with bare() as found:
        written = set[int]()
        for done in range(STEPS + 1):
            await found.add()
            await found.write(done)
            written.add(done)
            takeover = found.takeover()
            steps = plan_failover(takeover).steps[:done]
            await found.run(Plan("the beginning", steps), TakingOver(found.standing).all())
            await found.cut()
            if found.standing.moving:
                primary = found.standing.primary
                assert primary is None or primary.running is not None  # nothing is started meanwhile
                await found.moving().on("a test")
            assert found.standing.holder == takeover.to.resolve()
            assert fence.working_in(takeover.aside) == ()
            assert not found.standing.moving
            await found.write(100 + done)
            written.add(100 + done)
            assert await found.rows() == written


@pytest.mark.parametrize("done", [1, 3])
async def test_a_machine_that_lost_power_meanwhile_goes_on_to_the_same_end(done: int) -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        takeover = found.takeover()
        steps = plan_failover(takeover).steps[:done]
        await found.run(Plan("the beginning", steps), TakingOver(found.standing).all())
        for data in (takeover.holder, takeover.to):
            await fence.clear(data)
        await found.cut()
        await found.moving().on("a test")
        assert found.standing.holder == takeover.to.resolve()
        await found.write(2)
        assert await found.rows() == {1, 2}
        assert fence.working_in(takeover.aside) == ()


async def test_what_was_not_sent_is_read_from_the_dead_primary() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        record = found.standing.records.standby
        assert record is not None
        standby = fence.working_in(Path(record.data))
        for pid in standby:
            os.kill(pid, signal.SIGSTOP)
        await found.write(2)  # the standby hears nothing of it
        for pid in fence.working_in(found.standing.holder):
            os.kill(pid, signal.SIGKILL)
        for pid in standby:
            os.kill(pid, signal.SIGCONT)
        takeover = found.takeover()
        taking = TakingOver(found.standing)
        await found.run(plan_failover(takeover), taking.all())
        assert await found.rows() == {1, 2}
        assert taking.lost is not None
        assert taking.lost.commits == 0


async def test_a_standby_that_cannot_become_the_primary_gives_the_place_back() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        held = found.standing.seat.held()
        record, former = found.standing.records.standby, found.standing.holder
        assert record is not None
        takeover = found.takeover()
        taking = TakingOver(found.standing)
        await found.run(Plan("the beginning", plan_failover(takeover).steps[:1]), taking.all())
        assert "has its place back" in await taking.undo("a test")
        primary = found.standing.primary
        assert primary is not None
        await primary.until_ready(60.0)
        assert found.standing.holder == former
        assert found.standing.seat.held().epoch == held.epoch + 2
        await found.write(2)
        assert await found.rows() == {1, 2}
        with pytest.raises(StartError, match="does not hold any more"):
            await taking.all()["promote"](plan_failover(takeover).steps[2])
        async with connected(found.standing.url(record.port)) as standby:
            assert await standby.fetchval("SELECT pg_is_in_recovery()")
        with pytest.raises(SeatTaken):
            found.standing.seat.check(takeover.epoch, takeover.to)
