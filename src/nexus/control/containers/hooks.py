"""The commands of a manifest that run once, as tasks of the release that is let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus.control.carried import deployment_of
from nexus.plans import Step
from nexus.runtimes.containers.once import Once

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper

LIMIT = 600.0  # seconds


class Hooks:
    """Runs them."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        self._keeper = keeper

    async def hook(self, step: Step) -> None:
        """Runs the command `before` or `after` of a release, once in a deployment, if it has one.

        Raises:
            StartError: it failed, or takes too long.
        """
        when = step.arguments["hook"]
        service = self._keeper.released(step.target, step.arguments["release"])
        command = service.rollout.hooks.before if when == "before" else service.rollout.hooks.after
        if not command:
            return
        project = self._keeper.project(self._keeper.kept).become(service)
        number = deployment_of(self._keeper.home, service.name)
        runtime = self._keeper.containers(self._keeper.kept)
        await runtime.run_once(Once(project, service.name, when, number, command, LIMIT))
