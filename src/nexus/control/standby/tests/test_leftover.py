"""What a takeover lost stays in the old primary's folder until somebody gives it up."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.control.addresses import Refused
from nexus.control.standby.leftover import keep_only_copy
from nexus.control.standby.record import Former
from nexus.control.standby.taking_over import TakingOver
from nexus.control.standby.tests.bare import Bare, bare, working
from nexus.standby import fence
from nexus.standby.planning import plan_failover


async def taken_over(found: Bare) -> Former:
    await found.run(plan_failover(found.takeover()), TakingOver(found.standing).all())
    former = found.standing.records.former
    assert former is not None
    return former


async def unheard(found: Bare, n: int) -> Path:
    """A primary acknowledges something of which the standby hears nothing, and dies; its folder."""
    holder = found.standing.holder
    os.kill(working(holder, "walsender"), signal.SIGSTOP)
    await found.write(n)
    await fence.clear(holder)
    return holder


async def test_a_disk_that_could_not_be_read_may_have_the_only_copy() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        holder = await unheard(found, 2)
        (holder / "pg_wal").rename(holder / "pg_wal.away")
        former = await taken_over(found)
        assert await found.rows() == {1}
        with pytest.raises(Refused, match="only copy"):
            keep_only_copy(former, False)
        keep_only_copy(former, True)
        assert Path(former.data).exists()


async def test_a_primary_of_which_nothing_is_missing_is_spare() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        former = await taken_over(found)
        keep_only_copy(former, False)
        assert former.spare
        with pytest.raises(Refused):
            keep_only_copy(replace(former, spare=False), False)


async def test_what_was_lost_is_counted_from_where_both_parted() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        await unheard(found, 2)
        steps, taking = plan_failover(found.takeover()).steps, TakingOver(found.standing)
        actions = taking.all()
        for step in steps:
            if step.action != "catch_up":  # it comes to nothing
                await actions[step.action](step)
        assert taking.lost is not None
        assert taking.lost.commits == 1
        former = found.standing.records.former
        assert former is not None
        assert not former.spare
