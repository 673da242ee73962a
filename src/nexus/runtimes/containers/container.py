"""What runs on an engine, as plain values, and what a container runtime does for its keeper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from nexus.runtimes.containers.project import Project

State = Literal["ready", "starting", "degraded", "down"]
RELEASE_LABEL = "nexus.release"
HOME_LABEL = "nexus.home"


@dataclass(frozen=True)
class Container:
    """One container of a service, running or not.

    `instance` is its name in the stack, `since` when its state began (seconds since the epoch), `pid` its
    process on this machine (0 elsewhere), `why` what it lacks, `owner` the folder that it was started from,
    `task` a Swarm's own name for it.
    """

    service: str
    instance: str
    id: str
    state: State
    release: str
    since: float
    restarts: int = 0
    pid: int = 0
    node: str = ""
    why: str = ""
    owner: str = ""
    task: str = ""


class ContainerRuntime(Protocol):
    """Observe, start, stop: the same words for one engine and for a Swarm.

    `project` is the stack to act on; whoever calls sets it before. `ended` are those containers that others
    have taken the place of and whose output the engine still has, as of the last look.
    """

    project: Project
    ended: tuple[Container, ...]

    async def observe(self) -> tuple[Container, ...]:
        """Every container of the stack.

        Raises:
            EngineError: the engine does not answer.
        """

    async def start(self, service: str) -> None:
        """Creates and starts what is missing of a service; returns when the engine has taken the order.

        Raises:
            EngineError: the engine refuses.
        """

    async def replace(self, service: str) -> None:
        """Replaces a service's containers by ones of the present release and settings.

        Raises:
            EngineError: the engine refuses.
        """

    async def reload(self, service: str, signal: str) -> None:
        """Has a service take up its present settings: by `signal` where its definition allows that.

        Raises:
            EngineError: the engine refuses.
        """

    async def stop(self, service: str, grace: float) -> None:
        """Drains, stops and removes a service's containers; its volumes stay.

        Raises:
            EngineError: the engine refuses.
        """

    async def revive(self, container: Container) -> None:
        """Restarts a container that hangs.

        Raises:
            EngineError: the engine refuses.
        """

    async def answers(self, container: Container, test: Iterable[str]) -> bool:
        """Whether a command inside the container ends well."""

    async def tend(self) -> None:
        """What is due once a minute while the stack runs.

        Raises:
            EngineError: the engine refuses.
        """

    async def remains(self) -> str:
        """What is left when no service runs, in words; empty when nothing is."""

    async def clear(self, volumes: Iterable[str]) -> None:
        """Removes the stack's networks, and these volumes with the data in them.

        Raises:
            EngineError: the engine refuses.
        """
