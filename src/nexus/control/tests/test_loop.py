"""The control loop's chores."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from nexus.control import loop


async def test_a_stack_that_could_not_be_tended_once_is_tended_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "TEND_EVERY", 0.01)
    times, again = 0, asyncio.Event()

    async def tend() -> None:
        nonlocal times
        times += 1
        if times == 1:
            raise OSError(28, "No space left on device")
        again.set()

    world = SimpleNamespace(keeper=SimpleNamespace(tend=tend))
    chore = asyncio.create_task(loop._tend(world))  # type: ignore[arg-type]
    await asyncio.wait_for(again.wait(), 5)
    chore.cancel()
