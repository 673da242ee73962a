"""What the control loop asks of a runtime: to tell what is, to change it, and to keep it so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from nexus.control.facts import Facts, InstanceFacts
from nexus.plans import Action
from nexus.runtimes.site import Site
from nexus.stack import Stack

RuntimeName = Literal["process", "compose", "swarm"]
RUNTIMES: tuple[RuntimeName, ...] = ("process", "compose", "swarm")
Tell = Callable[[dict[str, Any]], None]


class Keeper(Protocol):
    """Keeps one stack on one runtime. `site` is None until the first `settle`."""

    runtime: RuntimeName

    @property
    def site(self) -> Site | None:
        """The stack that is kept, and where."""

    @property
    def busy(self) -> bool:
        """Whether anything runs."""

    def instances(self) -> Mapping[str, tuple[InstanceFacts, ...]]:
        """The instances of each service, as they were last seen."""

    def ended(self) -> Mapping[str, tuple[InstanceFacts, ...]]:
        """Instances that others have taken the place of, while what they wrote can still be read."""

    def complete(self, stack: Stack) -> bool:
        """Writes what the sources of the stack's bricks lack to be built; True: read the stack again."""

    def ours(self, site: Site) -> Mapping[str, int]:
        """Those stable ports of a site that this stack holds already, by service."""

    async def check(self, site: Site) -> None:
        """Whether this machine can run the stack at all; looks at what runs.

        Raises:
            Refused: it cannot; says why and how to mend it.
        """

    async def observe(self, site: Site, notes: tuple[str, ...] = ()) -> Facts:
        """What is, judged by the stack as it should become.

        Raises:
            StartError: the history of a schema's migrations cannot go on.
        """

    async def running(self) -> Facts:
        """What runs, and no more: all that taking it down needs."""

    async def unbuilt(self, site: Site, services: Iterable[str]) -> Mapping[str, str]:
        """Which of these services cannot start before they are built, and why."""

    async def settle(self, site: Site) -> None:
        """From now on, this is the stack."""

    async def take_up(self) -> None:
        """Takes up what an earlier control loop left, and starts what it wanted and died since."""

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """While a plan is carried out: nobody else starts anything."""

    def actions(self) -> Mapping[str, Action]:
        """What carries out each action of a plan."""

    async def give_up(self, service: str) -> None:
        """Lets go of a service that does not run; it is not started any more."""

    async def tend(self) -> None:
        """What is due once a minute."""

    async def close(self) -> None:
        """Lets go of everything; services go on running."""
