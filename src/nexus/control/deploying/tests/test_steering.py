"""What operators want of a deployment that is under way is recorded before it counts, and told as it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nexus.cli.deployfollow import Following
from nexus.control.addresses import Refused
from nexus.control.client import Client
from nexus.control.deploying.carrying import Carrying
from nexus.control.deploying.deploying import Deploying
from nexus.control.deploying.hands import Hands
from nexus.control.deploying.intent import Intent
from nexus.control.deploying.judging import Baseline, Judge
from nexus.control.deploying.record import Record
from nexus.control.deploying.requests import Steering
from nexus.control.deploying.rollout import Aborted, Rollout
from nexus.control.turn import Turn
from nexus.control.world import World
from nexus.plans import Action, Plan, Step
from nexus.runtimes.home import Home

BEFORE, AFTER = {"till": "aaaa"}, {"till": "bbbb"}
PROMOTE = Step("promote till", "promote", "till", "asked", "let it in", arguments={"release": "bbbb"})
INTENT = Intent("deploy", Plan("deploy till", (PROMOTE,)), BEFORE, AFTER, ("till 1",), ("till 2",))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A control loop's world that knows no stack."""
    found = World(Home.at(tmp_path / "home"))
    yield found
    await found.close()


@pytest.fixture
def rollout(world: World) -> Rollout:
    """A deployment that is recorded as begun."""
    number = world.catalogue.begin("deploy", ["till"], BEFORE, AFTER, "", "ana", "", {})
    return Rollout(number, "deploy", "ana", {"services": ["till"]}, AFTER)


@pytest.fixture
def deploying(world: World, rollout: Rollout) -> Deploying:
    """What operators ask, while that deployment is under way."""
    found = Deploying(world, Turn(world.lease))
    found._conducting.rollout = rollout
    return found


class Ready(Hands):
    """Hands that have the work of the runtime done at once."""

    def __init__(self, world: World, rollout: Rollout, record: Record, action: Action) -> None:
        super().__init__(world, Judge(world), rollout, record, Baseline(0.0))
        self._action = action

    def back(self) -> Mapping[str, Action]:
        return dict.fromkeys(("promote", "shift", "admit"), self._action)


async def promoted_by(hands: Hands) -> None:
    await hands.forward()["promote"](PROMOTE)


async def nothing(step: Step) -> None:
    """Does a step at once."""


def recorded(world: World) -> tuple[str, Any]:
    (left,) = world.catalogue.unfinished()
    return left.state, left.evidence.get("cause")


async def test_an_abort_is_known_to_the_next_control_loop_before_it_counts_here(
    world: World, rollout: Rollout, deploying: Deploying
) -> None:
    told: list[dict[str, Any]] = []
    aborting = asyncio.create_task(deploying.abort(Steering(who="bob"), told.append, asyncio.Event()))
    await rollout.aborted.wait()
    assert recorded(world) == ("returning", "aborted by bob")
    rollout.over.set()
    await aborting


async def test_what_goes_back_neither_stands_still_nor_goes_forward_again(
    world: World, rollout: Rollout, deploying: Deploying
) -> None:
    deploying.pause("ana")
    assert recorded(world)[0] == rollout.state == "paused"
    deploying.resume("ana")
    assert recorded(world)[0] == rollout.state == "running"
    rollout.returning = True
    world.catalogue.note(rollout.id, "returning", {})
    for wish in (deploying.pause, deploying.resume):
        with pytest.raises(Refused, match="goes back already"):
            wish("ana")
    assert recorded(world)[0] == rollout.state == "returning"


async def test_an_abort_during_the_last_step_goes_back_though_that_step_ends_well(
    world: World, rollout: Rollout
) -> None:
    async def promote(step: Step) -> None:
        rollout.abort("bob")

    record = Record()
    end = await Carrying(world, rollout, INTENT, Ready(world, rollout, record, promote), record).forward()
    assert record.steps[0]["error"] == ""
    assert (end.state, end.cause[:14]) == ("held", "aborted by bob")  # no stack is known to go back in


async def test_whatever_fails_on_the_way_back_ends_held_and_says_what(world: World, rollout: Rollout) -> None:
    world.catalogue.close()
    record = Record()
    hands = Ready(world, rollout, record, nothing)
    end = await Carrying(world, rollout, INTENT, hands, record).back("it is worse")
    assert end.state == "held"
    assert "it is worse; and the way back failed: Cannot operate on a closed database" in end.sentence


async def test_a_release_counts_as_touched_once_a_step_acts_and_not_while_that_stands_still(
    world: World, rollout: Rollout
) -> None:
    seen = []

    async def shift(step: Step) -> None:
        seen.append(world.catalogue.unfinished()[0].evidence["touched"])

    record = Record()
    hands = Ready(world, rollout, record, shift)
    rollout.pause()
    standing = asyncio.create_task(promoted_by(hands))
    await asyncio.sleep(0)
    assert not record.touched
    rollout.resume()
    await standing
    assert seen == [True]


async def test_what_is_aborted_while_it_stands_still_was_not_touched(world: World, rollout: Rollout) -> None:
    record = Record()
    hands = Ready(world, rollout, record, nothing)
    rollout.pause()
    standing = asyncio.create_task(promoted_by(hands))
    await asyncio.sleep(0)
    rollout.abort("bob")
    with pytest.raises(Aborted):
        await standing
    assert not record.touched


@pytest.mark.parametrize(
    ("state", "code", "ends"), [("promoted", 0, 1), ("rolled back", 1, 0), ("failed", 1, 0), ("held", 3, 3)]
)
def test_an_abort_that_did_not_go_back_never_ends_well(
    state: str, code: int, ends: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = {"event": "outcome", "id": 1, "state": state, "exit_code": code}
    client = Client(Home.at(tmp_path))
    monkeypatch.setattr(client, "stream", lambda path, body: iter([event]))
    assert Following(client, as_json=True).back("/v1/deploy/abort", {"who": "bob"}) == ends
