"""Which services answer worse since their release of late: what the scope of a rollback is decided from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from nexus.control.deploying.evidence.collected import Collected
from nexus.control.deploying.evidence.view import View
from nexus.releases.facts import RolloutFacts
from nexus.releases.guard import Evidence, Side
from nexus.releases.guard.requests import judge_requests
from nexus.releases.guard.settings import BEFORE
from nexus.releases.records import Deployment
from nexus.releases.scoping.culprit import SUSPECT_S
from nexus.releases.scoping.history import brought

if TYPE_CHECKING:
    from nexus.control.world import World

RECENT = 300.0  # seconds
_COUNTED = frozenset(field.name for field in fields(Side)) - {"instances"}


async def bad_figures(world: World, facts: RolloutFacts) -> dict[str, str]:
    """Service → what is wrong with its answers of the last minutes, against those before its release; of the
    services that were released within a day. Empty where nothing is collected.
    """
    if world.site is None or not world.site.stack.collects:
        return {}
    stack = world.site.stack
    gateways = tuple(service.name for service in stack.of_kind("gateway"))
    collected = Collected(world.home.telemetry_socket, gateways)
    lately = {
        name: deployment
        for name in facts.stable
        if stack.has(name)
        and (deployment := brought(facts, name))
        and facts.at - _end(deployment) < SUSPECT_S
    }
    views = [
        replace(
            View.bake(stack.service(name), None, deployment.started_at),
            since=max(_end(deployment), time.time() - RECENT),
        )
        for name, deployment in lately.items()
    ]
    told = await asyncio.gather(*(collected.sides(view, BEFORE) for view in views))
    judged = {name: worse(name, sides) for name, sides in zip(lately, told, strict=True) if sides}
    return {name: sentence for name, sentence in judged.items() if sentence}


def worse(service: str, sides: Mapping[str, Any]) -> str:
    """What the guard says of the answers of a service since its release ("" = nothing); `sides` as telemetry
    tells them. Pure.
    """
    before, since = (
        Side(**{name: value for name, value in sides[side].items() if name in _COUNTED})
        for side in ("stable", "candidate")
    )
    reasons = judge_requests(Evidence(service, "before", 100, before, since), BEFORE)
    return next((each.sentence() for each in reasons if each.weight in ("regression", "suspicion")), "")


def _end(deployment: Deployment) -> float:
    return deployment.ended_at or deployment.started_at
