"""Sealing takes what nobody else wants, and its share when it got too little of that."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.recovery.sealing import Keys, new_identity, recipient_of, sealers, yielding
from nexus.recovery.sealing.sealers import NICE, STARVED

OWN = new_identity()
KEYS = Keys((recipient_of(OWN),), OWN)
LINUX = pytest.mark.skipif(not yielding.LINUX, reason="only Linux has the idle class")


def session_nice(pid: int) -> int:
    """Of a process's session, where it has one: what the last word of the line says."""
    return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])


@pytest.fixture
def busy() -> Iterator[int]:
    """A process that always wants the one processor that it and we may use; which one."""
    usual = os.sched_getaffinity(0)
    one = min(usual)
    os.sched_setaffinity(0, {one})  # children inherit it
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        yield one
    finally:
        process.kill()
        process.wait()
        os.sched_setaffinity(0, usual)


@LINUX
async def test_workers_are_in_the_idle_class_where_they_can_leave_it(tmp_path: Path) -> None:
    possible = yielding.may_idle(NICE)
    for wanted in (True, False):
        async with sealers(KEYS, 1, bytes=4096, idle=wanted) as workers, workers.slot() as slot:
            await workers.seal(slot, 10, "a", tmp_path / "a")
            yields = wanted and possible
            assert workers.yielding == yields
            (pid,) = workers.pids
            assert os.sched_getscheduler(pid) == (os.SCHED_IDLE if yields else os.SCHED_OTHER)
            assert os.getpriority(os.PRIO_PROCESS, pid) >= NICE
            if Path(f"/proc/{pid}/autogroup").exists():
                assert session_nice(pid) == (yielding.LOWEST if yields else NICE)


@LINUX
async def test_workers_that_are_starved_take_their_share(busy: int, tmp_path: Path) -> None:
    if not yielding.may_idle(NICE):
        pytest.skip("the idle class cannot be left without privileges")
    async with sealers(KEYS, 1, idle=True) as workers, workers.slot() as slot:
        await workers.seal(slot, 10, "a", tmp_path / "a")
        slot.memory[:] = os.urandom(len(slot.memory))
        (pid,) = workers.pids
        watching = asyncio.create_task(workers.rise_when_starved(1.0))
        sealing = asyncio.create_task(workers.seal(slot, len(slot.memory), "b", tmp_path / "b"))
        async with asyncio.timeout(120):
            await sealing
        watching.cancel()
        assert not workers.yielding
        assert os.sched_getscheduler(pid) == os.SCHED_OTHER
        if Path(f"/proc/{pid}/autogroup").exists():
            assert session_nice(pid) in (NICE, STARVED)


def test_starved_is_who_wants_and_does_not_get() -> None:
    def told(ran: float, waited: float) -> bool:
        return yielding.starved({1: (5.0, 5.0)}, {1: (5.0 + ran, 5.0 + waited), 2: (0.0, 99.0)}, 10.0)

    assert told(0.1, 9.0)
    assert not told(2.0, 8.0)  # a fifth
    assert not told(0.0, 0.2)  # it sleeps
    assert not yielding.starved({1: (0.0, 0.0)}, {}, 10.0)  # it has ended
