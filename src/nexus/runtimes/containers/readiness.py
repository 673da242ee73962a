"""Waiting for containers that come: until they are ready and have stayed so, or until it is known why not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from nexus.runtimes.containers.change import Change
from nexus.runtimes.containers.container import Container
from nexus.runtimes.protocol import StartError

Look = Callable[[], Awaitable[Sequence[Container]]]
Words = Callable[[Container], Awaitable[str]]
GIVE_UP_AFTER = 2  # ends of one container
POLL = 0.1


async def until_ready(look: Look, change: Change, number: int, words: Words, notice: float = 0.0) -> None:
    """Returns when `number` of the containers that come are ready and have been for `rollout.settle` seconds,
    at least for `notice` seconds.

    `look` tells the containers of the unit, `words` the last words of one of them.

    Raises:
        StartError: they keep ending, or are not ready within `rollout.start` seconds (and the settle time).
    """
    loop, settle = asyncio.get_running_loop(), max(change.rollout.settle, notice)
    give_up = loop.time() + change.rollout.start
    ended: dict[str, int] = {}  # instance -> how often it had ended when it was first seen
    ready: dict[str, float] = {}  # key -> when it was first seen ready, without a break since
    while True:
        coming = [each for each in await look() if change.comes(each)]
        now = loop.time()
        ready = {each.key: ready.get(each.key, now) for each in coming if each.state == "ready"}
        settled = [key for key, since in ready.items() if now - since >= settle]
        if len(settled) >= number:
            return
        for each in coming:
            if each.restarts - ended.setdefault(each.instance, each.restarts) >= GIVE_UP_AFTER:
                raise StartError(f"{each.instance} keeps ending: {each.why or 'it ended'}{await words(each)}")
        if (now > give_up and len(ready) < number) or now > give_up + settle:
            raise StartError(await _why(change, number, coming, words))
        await asyncio.sleep(POLL)


async def _why(change: Change, number: int, coming: Sequence[Container], words: Words) -> str:
    lacking = [each for each in coming if each.state != "ready"]
    limit = f"{change.rollout.start:g} s"
    if not lacking and len(coming) < number:
        return f"{change.unit}: {len(coming)} of {number} containers of {change.release} came within {limit}"
    if not lacking:
        return f"{coming[0].instance} does not stay ready{await words(coming[0])}"
    one = lacking[0]
    return f"{one.instance} is not ready after {limit}: {one.why or one.state}{await words(one)}"
