"""Hooks: commands of a release's manifest, run once as tasks of that release."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control.carried import deployment_of
from nexus.runtimes.process.drivers import driver
from nexus.runtimes.process.tasks import run_once
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Slot
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper

HOOK_LIMIT = 600.0  # seconds
LAST_LINES = 5


async def run_hook(keeper: ProcessKeeper, service: Service, hook: str) -> None:
    """Runs the hook `before` or `after` of a release in its own environment, as its own user; once in a
    deployment, also when the control loop is killed meanwhile.

    Raises:
        StartError: it failed, or did not end; the message holds its last lines.
    """
    hooks = service.rollout.hooks
    command = {"before": hooks.before, "after": hooks.after}[hook]
    if not command:
        return
    assert keeper.site is not None
    name = f"{service.name}-{hook}-{deployment_of(keeper.home, service.name)}"
    asked = replace(service, command=command)
    slot = Slot(name, keeper.site.ports[service.name])
    launch = driver(service).prepare(keeper.processes, keeper.site, asked, slot, "")
    own = keeper.home.logs / f"{service.name}.{hook}.out"
    told = keeper.home.state(service.name) / f"{hook}.code"
    task = replace(launch, release=service.release, log=own)
    done = await run_once(keeper.processes, task, told, HOOK_LIMIT)
    if done.code != 0:
        said = " / ".join(line.strip() for line in done.output.splitlines()[-LAST_LINES:] if line.strip())
        raise StartError(
            f"the hook {hook} of {service.name} ({' '.join(command)}) ended with exit code {done.code}: "
            f"{said or 'it said nothing'}; see {own}"
        )
