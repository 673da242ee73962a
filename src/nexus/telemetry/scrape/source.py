"""What all sources of metrics have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nexus.telemetry.masking import mask
from nexus.telemetry.targets import Instance, ServiceTarget, Targets


@dataclass(frozen=True)
class Pace:
    """Seconds between two looks. `jitter` is how far the targets of one round lie apart, `timeout` how long
    one target may take.
    """

    metrics: float = 5.0
    business: float = 15.0
    servers: float = 10.0
    sizes: float = 60.0
    timeout: float = 2.0
    jitter: float = 1.0


class Source(Protocol):
    """Something that is looked at now and then. It tells by itself what does not answer, and raises only for
    what nobody expected.
    """

    every: float

    async def collect(self, targets: Targets, at: float) -> None:
        """Looks once. `at`: the time of what is seen, in seconds since the epoch."""

    async def close(self) -> None:
        """Lets go of connections."""


def of_runtime(targets: Targets, *runtimes: str) -> list[tuple[ServiceTarget, Instance]]:
    """The instances of the services that run on one of `runtimes`."""
    services = {service.name: service for service in targets.services if service.runtime in runtimes}
    return [
        (services[instance.service], instance)
        for instance in targets.instances
        if instance.service in services
    ]


def sentence(error: BaseException) -> str:
    """Why something did not answer, in one line, masked."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = str(error).strip().splitlines()
    return mask(text[0][:1000])[:300] if text else type(error).__name__
