"""Containers that come are waited for until they stay ready, and it is told why when they do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from typing import cast

import pytest

from nexus.runtimes.containers.change import Change
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.project import Project
from nexus.runtimes.containers.readiness import Look, until_ready
from nexus.runtimes.protocol import StartError
from nexus.stack.manifest import Rollout

OLD = Container("till", "till-1", "a", "ready", "old", 0.0)
NEW = Container("till", "till-2", "b", "ready", "new", 0.0)
STARTING = replace(NEW, state="starting", why="no answer yet")


def change(count: int = 1, before: frozenset[str] = frozenset()) -> Change:
    rollout = Rollout(start=0.4, settle=0.15)
    return Change("till", cast(Project, None), "new", count, rollout, before=before)


async def said(container: Container) -> str:
    return f"; its last words: I am {container.instance}"


def looks(*seen: list[Container]) -> tuple[Look, list[int]]:
    """Looks at one list after another, at the last one for ever; and how often that was done."""
    told: Iterator[list[Container]] = iter([*seen, *repeat(seen[-1], 1000)])
    count: list[int] = []

    async def look() -> list[Container]:
        count.append(1)
        return next(told)

    return look, count


async def test_ready_is_who_stays_ready() -> None:
    look, count = looks([OLD, STARTING], [OLD, NEW], [OLD, STARTING], [OLD, NEW])
    await until_ready(look, change(), 1, said)
    assert len(count) >= 6  # ready once, not ready again, then ready for longer than the settle time


async def test_the_old_ones_do_not_count() -> None:
    look, _ = looks([OLD])
    with pytest.raises(StartError, match=r"0 of 1 containers of new came within 0\.4 s"):
        await until_ready(look, change(), 1, said)


async def test_who_is_of_the_release_but_was_there_before_does_not_count() -> None:
    look, _ = looks([NEW])
    with pytest.raises(StartError, match="0 of 1"):
        await until_ready(look, change(before=frozenset({NEW.key})), 1, said)


async def test_who_never_gets_ready_is_named_with_the_reason_and_its_last_words() -> None:
    look, _ = looks([OLD, STARTING])
    with pytest.raises(StartError) as error:
        await until_ready(look, change(), 1, said)
    assert str(error.value) == ("till-2 is not ready after 0.4 s: no answer yet; its last words: I am till-2")


async def test_who_keeps_ending_is_given_up_before_the_limit() -> None:
    look, count = looks([STARTING], [replace(STARTING, restarts=1)], [replace(STARTING, restarts=2)])
    with pytest.raises(StartError, match="till-2 keeps ending"):
        await until_ready(look, change(), 1, said)
    assert len(count) == 3


async def test_one_of_two_is_not_enough() -> None:
    look, _ = looks([NEW])
    with pytest.raises(StartError, match="1 of 2 containers of new came"):
        await until_ready(look, change(count=2), 2, said)


def test_a_change_is_so_when_nobody_else_is_there() -> None:
    assert change().is_so([NEW])
    assert not change().is_so([NEW, OLD])
    assert not change().is_so([STARTING])
    assert not change(count=2).is_so([NEW])
