"""What the actions on releases share: which service a step means, and how instances end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nexus.control.candidates import Candidate
from nexus.plans import Step
from nexus.runtimes.process.drivers import driver
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.instance import Instance
    from nexus.control.processes.keeper import ProcessKeeper


def released(keeper: ProcessKeeper, step: Step) -> Service:
    """The step's target as the release has it that the step names; without a name, the stable one.

    Raises:
        StartError: the release's artefact is gone.
    """
    assert keeper.site is not None
    release = step.arguments.get("release", "")
    if keeper.site.stack.has(step.target):
        stable = keeper.site.stack.service(step.target)
        if release in ("", stable.release):
            return stable
    return keeper.candidates.service(Candidate(step.target, release, 1))


def grace_of(service: Service) -> float:
    """Seconds that a process has to end by itself; a module has streams to end and events to hand back."""
    drain = service.rollout.drain if service.kind == "module" else 0.0
    return max(driver(service).grace, drain)


def superfluous(instances: Iterable[Instance], service: Service) -> list[Instance]:
    """What is of another release than `service`, not wanted, or too much; of equal ones the youngest stay.

    What leaves already is not among them.
    """
    present = [each for each in instances if not each.leaving]
    others = [each for each in present if not each.wanted or each.release != service.release]
    equal = sorted((each for each in present if each not in others), key=lambda each: each.since)
    return others + equal[: max(0, len(equal) - service.scale.min)]


async def ends(*tasks: asyncio.Task[None]) -> None:
    """Waits for instances that leave; they go on leaving when whoever waits is cancelled."""
    await asyncio.shield(asyncio.gather(*tasks))
