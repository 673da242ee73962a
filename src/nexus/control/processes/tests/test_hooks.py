"""A hook runs once in a deployment, also when the control loop is killed while it does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nexus.control.processes.tests.small_stack import SmallStack, small_stack, until
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

SLOW = "import sys, time; print('begun', flush=True); time.sleep(0.6); sys.exit({code})"


def said(stack: SmallStack) -> str:
    """What the hook wrote."""
    file: Path = stack.home.logs / "shop.before.out"
    return file.read_text() if file.exists() else ""


async def cut_short(stack: SmallStack, code: int) -> Service:
    """A release whose hook a control loop began that ends before it."""
    hook = f'rollout: {{hooks: {{before: [python, -c, "{SLOW.format(code=code)}"]}}}}\n'
    new = stack.release("2", hook)
    asked = asyncio.create_task(stack.act("hook", release=new.release, hook="before"))
    await until(lambda: said(stack) == "begun\n")
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await stack.close()
    await stack.open()
    return new


async def test_a_hook_that_a_killed_loop_began_is_waited_for() -> None:
    async with small_stack() as stack:
        new = await cut_short(stack, 0)
        await stack.act("hook", release=new.release, hook="before")
        assert said(stack) == "begun\n"
        (stack.home.logs / "shop.before.out").write_text("")
        await stack.act("hook", release=new.release, hook="before")  # a later deployment runs it anew
        assert said(stack) == "begun\n"


async def test_the_end_of_a_hook_that_nobody_saw_end_is_known() -> None:
    async with small_stack() as stack:
        new = await cut_short(stack, 3)
        await asyncio.sleep(0.9)
        with pytest.raises(StartError, match="exit code 3: begun"):
            await stack.act("hook", release=new.release, hook="before")
