"""What the containers of one service are to become."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus.runtimes.containers.project import Project
from nexus.stack.manifest import Rollout

if TYPE_CHECKING:
    from nexus.runtimes.containers.container import Container

Whole = Callable[[], Awaitable[None]]
Leaving = Callable[[Sequence["Container"]], AbstractAsyncContextManager[None]]


async def _nothing() -> None:
    """What happens when all are ready, where nobody waits for that."""


def _at_once(_: Sequence[Container]) -> AbstractAsyncContextManager[None]:
    """How containers leave, where nobody has to be told."""
    return nullcontext()


@dataclass(frozen=True)
class Change:
    """`count` containers of `release` come, all others of `unit` go: none before others are ready.

    `project` is the stack as it is to be, `rollout` how long things may take. `together`: all come before the
    first one goes, else one by one. `whole` is called once, when all that come are ready and before the last
    of the others goes. `leaving` is entered before others are stopped, and left when these have ended.
    `before` are the keys of what must go although it is of that release.
    """

    unit: str
    project: Project
    release: str
    count: int
    rollout: Rollout
    together: bool = False
    before: frozenset[str] = frozenset()
    whole: Whole = _nothing
    leaving: Leaving = _at_once

    def comes(self, container: Container) -> bool:
        """Whether a container of the unit is one of those that stay."""
        return container.release == self.release and container.key not in self.before

    def is_so(self, there: Sequence[Container]) -> bool:
        """Whether nothing is left to do, seeing the containers of the unit."""
        ready = sum(1 for each in there if self.comes(each) and each.state == "ready")
        return ready == len(there) == self.count
