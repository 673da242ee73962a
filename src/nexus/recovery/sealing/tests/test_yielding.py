"""Sealing stands back for others, and less when it got too little."""

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
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what a process got")


def nices(pid: int) -> set[int]:
    """Of a process, where it could change, and of its session, where it has one (the line's last word)."""
    session = Path(f"/proc/{pid}/autogroup")
    found = {os.getpriority(os.PRIO_PROCESS, pid)} if os.geteuid() == 0 else set()
    return found | ({int(session.read_text().split()[-1])} if session.exists() else set())


@pytest.fixture
def busy() -> Iterator[None]:
    """Two processes that always want the one processor that they and we may use."""
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usual)})  # children inherit it
    loop = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(loop, start_new_session=True) for _ in range(2)]
    try:
        yield
    finally:
        for each in others:
            each.kill()
            each.wait()
        os.sched_setaffinity(0, usual)


@LINUX
async def test_a_worker_and_its_session_stand_back(tmp_path: Path) -> None:
    async with sealers(KEYS, 1, bytes=4096) as workers, workers.slot() as slot:
        await workers.seal(slot, 10, "a", tmp_path / "a")
        (pid,) = workers.pids
        assert nices(pid) <= {NICE}
        assert os.getpriority(os.PRIO_PROCESS, pid) >= NICE


@LINUX
@pytest.mark.usefixtures("busy")
async def test_workers_that_are_starved_stand_back_less(tmp_path: Path) -> None:
    async with sealers(KEYS, 1) as workers, workers.slot() as slot:
        slot.memory[:] = os.urandom(len(slot.memory))
        (pid,) = workers.pids
        watching = asyncio.create_task(workers.rise_when_starved(0.5))
        async with asyncio.timeout(100):
            while not nices(pid) <= {STARVED}:
                await workers.seal(slot, len(slot.memory), "a", tmp_path / "a")
        watching.cancel()


def test_starved_is_who_wants_and_does_not_get() -> None:
    def told(ran: float, waited: float) -> bool:
        return yielding.starved({1: (5.0, 5.0)}, {1: (5.0 + ran, 5.0 + waited), 2: (0.0, 99.0)}, 10.0)

    assert told(0.1, 9.0)
    assert not told(2.0, 8.0)  # a fifth
    assert not told(0.0, 0.2)  # it sleeps
    assert not yielding.starved({1: (0.0, 0.0)}, {}, 10.0)  # it has ended
