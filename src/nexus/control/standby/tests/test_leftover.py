"""What a takeover lost stays in the old primary's folder until somebody gives it up."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from nexus.control.addresses import Refused
from nexus.control.standby.leftover import keep_only_copy
from nexus.control.standby.record import Former
from nexus.control.standby.taking_over import TakingOver
from nexus.control.standby.tests.bare import Bare, bare
from nexus.standby import fence
from nexus.standby.planning import plan_failover


async def taken_over(found: Bare) -> Former:
    await found.run(plan_failover(found.takeover()), TakingOver(found.standing).all())
    former = found.standing.records.former
    assert former is not None
    return former


async def test_a_disk_that_could_not_be_read_may_have_the_only_copy() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        holder = found.standing.holder
        for pid in fence.working_in(holder):
            if "walsender" in " ".join(psutil.Process(pid).cmdline()):
                os.kill(pid, signal.SIGSTOP)
        await found.write(2)  # acknowledged, and the standby hears nothing of it
        await fence.clear(holder)
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
