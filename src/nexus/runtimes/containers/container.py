"""What runs on an engine, as plain values, and what a container runtime does for its keeper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from nexus.runtimes.containers.change import Change
from nexus.runtimes.containers.once import Once
from nexus.runtimes.containers.project import Project
from nexus.runtimes.containers.units import Side, unit_of

State = Literal["ready", "starting", "degraded", "down"]
RELEASE_LABEL = "nexus.release"
HOME_LABEL = "nexus.home"


@dataclass(frozen=True)
class Container:
    """One container of a service, running or not.

    `instance` is its name in the stack, `since` when its state began (seconds since the epoch), `pid` its
    process on this machine (0 elsewhere), `why` what it lacks, `owner` the folder that it was started from,
    `task` a Swarm's own name for it, `side` whether it is of the release that is being let in, `addresses`
    those that it has in the stack's networks.
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
    side: Side = "stable"
    addresses: frozenset[str] = frozenset()

    @property
    def unit(self) -> str:
        """The engine's name for the service that it belongs to."""
        return unit_of(self.service, self.side)

    @property
    def key(self) -> str:
        """What tells it from all others for as long as it exists."""
        return self.task or self.id


class ContainerRuntime(Protocol):
    """Observe, start, stop: the same words for one engine and for a Swarm.

    Services are named as the engine names them (see `units`). `project` is the stack to act on; whoever calls
    sets it before. `ended` are those containers that others
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

    async def ensure(self, change: Change) -> None:
        """Has `change.count` containers of what is not there yet, ready and settled.

        Raises:
            StartError: they do not get ready; they stay as they are.
            EngineError: the engine refuses.
        """

    async def roll(self, change: Change) -> None:
        """Replaces containers by others, each new one first. May be begun anew at any point of it.

        Raises:
            StartError: what comes does not get ready; it stays as it is, beside those that had not gone yet.
            EngineError: the engine refuses.
        """

    async def exchange(self, change: Change, grace: float) -> None:
        """Replaces containers of which no two can run at once: the old ones go first, within `grace` seconds
        (a Swarm: within what their definition gives them).

        Raises:
            StartError: what comes does not get ready; it stays as it is.
            EngineError: the engine refuses.
        """

    async def run_once(self, once: Once) -> None:
        """Runs a command to its end, beside the containers of a unit and as one of them.

        Called again after a crash, it waits for what the former call has begun.

        Raises:
            StartError: it failed or takes too long; says its last words.
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
