"""Work that is stopped lets go of what it holds before anybody goes on."""

import asyncio

import pytest

from nexus.control.recovering.stopping import until_stopped
from nexus.plans import StepStopped


async def _work(begun: asyncio.Event, held: list[str]) -> str:
    held.append("a lock")
    begun.set()
    try:
        await asyncio.Event().wait()
    finally:
        held.clear()
    return "never"


async def test_stopped_work_is_cancelled_and_has_let_go_when_it_is_told() -> None:
    stop, begun, held = asyncio.Event(), asyncio.Event(), list[str]()
    task = asyncio.create_task(until_stopped(_work(begun, held), stop, "nothing of it counts"))
    await begun.wait()
    assert held == ["a lock"]
    stop.set()
    with pytest.raises(StepStopped, match="nothing of it counts"):
        await task
    assert held == []


async def test_what_stopped_work_says_of_its_own_end_is_no_failure() -> None:
    begun = asyncio.Event()

    async def broken() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("a helper went away")

    stop = asyncio.Event()
    task = asyncio.create_task(until_stopped(broken(), stop, "nothing of it counts"))
    await begun.wait()
    stop.set()
    with pytest.raises(StepStopped, match="nothing of it counts"):
        await task


async def test_work_whose_caller_is_cancelled_has_let_go_too() -> None:
    begun, held = asyncio.Event(), list[str]()
    task = asyncio.create_task(until_stopped(_work(begun, held), asyncio.Event(), ""))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert held == []


async def test_work_that_ends_by_itself_gives_its_result_or_its_error() -> None:
    async def well() -> int:
        return 7

    async def ill() -> int:
        raise ValueError("no room")

    assert await until_stopped(well(), asyncio.Event(), "") == 7
    with pytest.raises(ValueError, match="no room"):
        await until_stopped(ill(), asyncio.Event(), "")
