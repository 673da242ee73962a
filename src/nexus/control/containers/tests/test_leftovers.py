"""What a killed control loop leaves of a change ends, but never what somebody works on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from nexus.control.charge import onlooker
from nexus.control.containers.keeper import ContainerKeeper
from nexus.control.containers.leftovers import SOON, STRAY_AFTER, Leftovers
from nexus.control.containers.watch import HUNG_AFTER, Watch
from nexus.runtimes.containers.change import Change
from nexus.runtimes.containers.compose import ComposeRuntime
from nexus.runtimes.containers.container import Container
from nexus.runtimes.home import Home
from nexus.runtimes.memory import Blank
from nexus.runtimes.site import Site
from nexus.stack import Stack, load_stack

GATE = "name: gate\nkind: gateway\nruntime: haproxy\nport: 9000\n"
TILL = "name: till\nruntime: python\nport: 9001\n"


class Recording(ComposeRuntime):
    """An engine that only says what it was asked for."""

    def __init__(self, keeper: ContainerKeeper, seen: list[Container]) -> None:
        super().__init__(keeper.engine)
        self.seen, self.rolled, self.revived = seen, list[Change](), list[str]()

    async def observe(self) -> tuple[Container, ...]:
        return tuple(self.seen)

    async def roll(self, change: Change) -> None:
        self.rolled.append(change)
        self.seen[:] = [each for each in self.seen if change.comes(each)]

    async def answers(self, container: Container, test: object) -> bool:
        return False

    async def start(self, service: str) -> None:
        raise AssertionError(f"{service} is started")

    async def revive(self, container: Container) -> None:
        self.revived.append(container.instance)


class House:
    """A keeper of a stack whose engine is recorded."""

    def __init__(self, stack: Stack, home: Home) -> None:
        memory = Blank({"wanted": '["till"]'})
        self.keeper = ContainerKeeper("compose", home, memory, onlooker(memory))
        self.keeper.site = Site(stack, home, {"gate": 9000, "till": 9001}, contained=True)
        stable = Container("till", "till-1", "a", "ready", stack.service("till").release, 0.0)
        self.old = replace(stable, instance="till-2", id="b", release="0123456789ab")
        self.stable = stable
        self.runtime = Recording(self.keeper, [stable, self.old])
        self.keeper._runtime = self.runtime
        self.leftovers = Leftovers(self.keeper)

    async def look(self, times: int) -> list[Change]:
        for _ in range(times):
            self.leftovers.look(tuple(self.runtime.seen))
        await asyncio.gather(*self.leftovers._ending.values())
        return self.runtime.rolled


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "nexus.yaml").write_text("name: shop\n")
    for name, text in {"gate": GATE, "till": TILL}.items():
        (tmp_path / "modules" / name).mkdir(parents=True)
        (tmp_path / "modules" / name / "module.yaml").write_text(text)
    house = House(load_stack(tmp_path), Home.at(tmp_path / "home"))
    yield house
    await house.leftovers.close()


async def test_what_is_left_over_ends_when_nobody_takes_the_change_up(house: House) -> None:
    assert await house.look(STRAY_AFTER - 1) == []
    (change,) = await house.look(1)
    assert (change.unit, change.release) == ("till", house.stable.release)
    assert await house.look(STRAY_AFTER) == [change]  # and that was all


async def test_it_ends_during_a_plan_that_only_watches(house: House) -> None:
    async with house.keeper.at_work():
        assert len(await house.look(SOON)) == 1


async def test_it_stays_while_a_step_works_on_its_service(house: House) -> None:
    async with house.keeper.at_work(), house.keeper.acting_on("till"):
        assert await house.look(2 * STRAY_AFTER) == []


async def test_a_stable_release_that_nothing_runs_of_is_brought_back(house: House) -> None:
    house.runtime.seen[:] = [house.old]
    async with house.keeper.at_work():
        assert await house.look(2 * STRAY_AFTER) == []
    assert len(await house.look(STRAY_AFTER)) == 1


async def test_what_hangs_is_restarted_unless_a_step_works_on_its_service(house: House) -> None:
    hanging = replace(house.stable, state="degraded")
    watch = Watch(house.keeper)
    async with house.keeper.acting_on("till"):
        for _ in range(HUNG_AFTER):
            await watch._mend((hanging,))
    assert house.runtime.revived == []
    await watch._mend((hanging,))
    assert house.runtime.revived == ["till-1"]
    await watch.close()
