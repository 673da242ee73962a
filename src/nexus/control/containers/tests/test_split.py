"""Sharing requests on an engine: a real agent, a real gateway with its script, the host that tells them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nexus.control.candidates import Candidate
from nexus.control.containers.tests.sharing import House
from nexus.render.haproxy import candidate_backend
from nexus.runtimes.containers.container import Container
from nexus.runtimes.protocol import StartError
from nexus.stack.names import TELEMETRY, TELEMETRY_TOKEN


async def test_a_share_is_in_force_at_every_gateway_when_it_returns(house: House) -> None:
    await house.split.share(house.site, {"till": 100})
    assert set(await house.sides()) == {"new"}
    await house.split.share(house.site, {"till": 50})
    assert set(await house.sides()) == {"new", "old"}
    await house.split.share(house.site, {"till": 0})
    assert set(await house.sides()) == {"old"}
    assert "till 100 %" in house.gateway.log.read_text()


async def test_gateways_keep_their_shares_while_the_agent_is_away_and_after_it_forgot_them(
    house: House,
) -> None:
    house.keeper.candidates.put(Candidate("till", "r2", 1, 100))
    await house.split.share(house.site, {"till": 100})
    await house.agent.stop()
    assert set(await house.sides()) == {"new"}
    with pytest.raises(StartError, match="the agent of telemetry does not answer"):
        await house.split.share(house.site, {}, limit=0.3)
    await house.agent.start()
    house.gateway.reload()
    await house.settles_on("new")
    await house.split.repeat(house.site)
    await house.split.share(house.site, {"till": 100})
    house.keeper.candidates.drop("till")
    await house.split.repeat(house.site)
    await house.settles_on("old")


async def test_a_share_that_ended_while_the_agent_was_away_ends_when_it_is_back(house: House) -> None:
    await house.split.share(house.site, {"till": 100})
    await house.agent.stop()
    await house.agent.start()
    await house.split.repeat(house.site)
    await house.settles_on("old")


async def test_nobody_is_told_again_while_the_agent_does_not_run(house: House) -> None:
    await house.agent.stop()
    with pytest.raises(StartError, match="does not answer"):
        await house.split.repeat(house.site)
    house.keeper.seen = ()
    await house.split.repeat(house.site)


async def test_a_share_waits_until_the_gateways_reach_the_candidate(house: House) -> None:
    house.candidate.healthy = False
    await house.loses(candidate_backend("till"))
    with pytest.raises(StartError, match="gate-1 does not reach the new release of till"):
        await house.split.share(house.site, {"till": 5}, limit=1.5)
    house.candidate.healthy = True
    await house.split.share(house.site, {"till": 5})


async def test_who_has_not_taken_a_share_is_named(house: House) -> None:
    house.keeper.seen = (*house.keeper.seen, Container("gate", "gate-2", "cafecafecafe", "ready", "r1", 0.0))
    with pytest.raises(StartError, match="gate-2 does not ask the agent for its shares"):
        await house.split.share(house.site, {"till": 5}, limit=0.5)
    house.keeper.seen = ()
    with pytest.raises(StartError, match="no instance of gate is ready"):
        await house.split.share(house.site, {"till": 5}, limit=0.2)
    await house.split.share(house.site, {})


async def test_nobody_else_can_say_for_a_gateway_that_it_has_taken_a_share(house: House) -> None:
    gateway = replace(house.keeper.seen[0], addresses=frozenset({"127.0.0.9"}))
    house.keeper.seen = (gateway, *house.keeper.seen[1:])  # now gate-1's words come from a wrong address
    with pytest.raises(StartError, match="gate-1 does not ask the agent for its shares"):
        await house.split.share(house.site, {"till": 5}, limit=1.5)


async def test_a_stack_without_the_agent_cannot_share_and_says_how_to_mend_it(house: House) -> None:
    site = replace(house.site, stack=replace(house.site.stack, collects=False))
    with pytest.raises(StartError, match="collect: off"):
        await house.split.share(site, {"till": 5})
    await house.split.share(site, {"till": 0})


async def test_an_agent_that_does_not_know_the_token_is_told_apart_from_one_that_is_away(
    house: House,
) -> None:
    house.site.home.secret(TELEMETRY, TELEMETRY_TOKEN).write_text("another")
    with pytest.raises(StartError, match="answers 401"):
        await house.split.share(house.site, {"till": 5}, limit=0.2)
