"""Hooks: commands of a release's manifest, run once as tasks of that release."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.runtimes.process.drivers import driver
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Slot
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper

HOOK_LIMIT = 600.0  # seconds
LAST_LINES = 5


async def run_hook(keeper: ProcessKeeper, service: Service, hook: str) -> None:
    """Runs the hook `before` or `after` of a release in its own environment, as its own user.

    Raises:
        StartError: it failed, or did not end; the message holds its last lines.
    """
    hooks = service.rollout.hooks
    command = {"before": hooks.before, "after": hooks.after}[hook]
    if not command:
        return
    assert keeper.site is not None
    name = f"{service.name}-{hook}"
    asked = replace(service, command=command)
    slot = Slot(name, keeper.site.ports[service.name])
    launch = driver(service).prepare(keeper.processes, keeper.site, asked, slot, "")
    own = keeper.home.logs / f"{service.name}.{hook}.out"
    own.unlink(missing_ok=True)
    done = await keeper.processes.run(replace(launch, release=service.release, log=own), HOOK_LIMIT)
    if done.code != 0:
        said = " / ".join(line.strip() for line in done.output.splitlines()[-LAST_LINES:] if line.strip())
        raise StartError(
            f"the hook {hook} of {service.name} ({' '.join(command)}) ended with exit code {done.code}: "
            f"{said or 'it said nothing'}; see {own}"
        )
