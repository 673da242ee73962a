"""Work in a thread of its own: its result, its error, what it tells, and its end when it is cancelled."""

from __future__ import annotations

import asyncio
import threading

import pytest

from nexus.control.migrating.aside import aside, told_here


async def test_the_result_comes_from_another_thread() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert (await aside(work)).startswith("migrating")


async def test_an_error_is_raised_here() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await aside(work)


async def test_what_is_told_arrives_in_this_event_loop_in_order() -> None:
    heard: list[tuple[int, str]] = []

    def hear(number: int) -> None:
        heard.append((number, threading.current_thread().name))

    tell = told_here(hear)

    async def work() -> None:
        for number in range(3):
            tell(number)

    await aside(work)
    await asyncio.sleep(0)
    assert heard == [(number, threading.current_thread().name) for number in range(3)]


async def test_this_event_loop_goes_on_while_the_other_is_busy() -> None:
    go_on = threading.Event()

    async def busy() -> bool:
        return go_on.wait(30)  # blocks the thread, as reading a large script does

    task = asyncio.create_task(aside(busy))
    await asyncio.sleep(0)
    go_on.set()
    assert await task


async def test_cancelled_it_waits_until_the_work_has_let_go_of_what_it_holds() -> None:
    begun, let_go = threading.Event(), threading.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            let_go.set()

    task = asyncio.create_task(aside(work))
    assert await asyncio.to_thread(begun.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert let_go.is_set()
