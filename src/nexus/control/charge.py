"""What a keeper is charged with: the same for every runtime."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nexus.control.candidates import Candidates
from nexus.control.keeper import Tell
from nexus.control.wanted import Wanted
from nexus.runtimes.memory import Memory
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

Adopt = Callable[[Service], Awaitable[None]]


@dataclass(frozen=True)
class Charge:
    """What is to run, and whom to tell.

    `wanted` are the services that are to run, `candidates` the releases let in beside the stable ones.
    `tell` is told each change of an instance; `adopt` is called when a release becomes the stable one, and
    returns when that is remembered and the keeper's site holds the service as that release has it.
    """

    wanted: Wanted
    candidates: Candidates
    tell: Tell
    adopt: Adopt


def onlooker(memory: Memory) -> Charge:
    """The charge of a keeper that only looks: it tells nobody and adopts nothing."""

    def unknown(service: str, release: str) -> Service:
        raise StartError(f"the release {release} of {service} is known to the control loop alone")

    async def adopt(service: Service) -> None:
        raise StartError(f"{service.name} is released by the control loop alone")

    return Charge(Wanted(memory), Candidates(memory, unknown), lambda event: None, adopt)
