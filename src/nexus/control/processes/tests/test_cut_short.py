"""A control loop that is killed in the middle is followed by one that ends what was begun."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from nexus.control.processes.tests.small_stack import SmallStack, load, small_stack

SRC = Path(__file__).parents[4]
LETTING_IN = ("admit", "shift=50", "promote")


async def another_loop(stack: SmallStack, release: str, actions: tuple[str, ...], kill_at: str = "") -> None:
    """A control loop in a process of its own; killed as soon as it begins the action `kill_at`."""
    command = ("nexus.control.processes.tests.loop", str(stack.folder), json.dumps(stack.ports), release)
    loop = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command, *actions), stdout=asyncio.subprocess.PIPE, cwd=SRC
    )
    assert loop.stdout is not None
    while line := (await loop.stdout.readline()).decode().strip():
        if line == kill_at:
            await asyncio.sleep(0.1)
            loop.kill()
    await loop.wait()


@pytest.mark.parametrize(("actions", "kill_at"), [(LETTING_IN, "promote"), (("replace",), "replace")])
async def test_a_killed_loop_leaves_nothing_that_the_next_one_does_not_end(
    actions: tuple[str, ...], kill_at: str
) -> None:
    async with small_stack() as stack:
        stack.release("2")
        async with load(stack) as asked:
            await stack.close()
            await another_loop(stack, "2", actions, kill_at)
            await another_loop(stack, "2", (kill_at,) if kill_at == "promote" else actions)
            await stack.open()
        assert asked.failures == []
        assert stack.stable == "2"
        assert stack.running() == {"2": 1}
        assert set(await stack.shares(20)) == {"2"}


async def test_what_is_being_let_in_goes_on_with_its_share_after_the_loop_was_killed() -> None:
    async with small_stack() as stack:
        new = stack.release("2")
        await stack.deploy("admit", "shift", release=new, weight=50)
        await stack.close()
        await stack.open()
        assert stack.running() == {"1": 1, "2": 1}
        assert {i.side for i in stack.keeper.instances()["shop"]} == {"stable", "candidate"}
        assert set(await stack.shares(60)) == {"1", "2"}
        await stack.deploy("abandon", release=new)


async def test_instances_of_no_recorded_release_end_when_the_stable_ones_serve() -> None:
    async with small_stack() as stack:
        await stack.deploy("admit", release=stack.release("2"))
        stack.keeper.candidates.drop("shop")  # nobody recorded it
        await stack.close()
        await stack.open()
        async with asyncio.timeout(20):
            while stack.running() != {"1": 1}:
                await asyncio.sleep(0.05)
        assert set(await stack.shares(20)) == {"1"}
