"""Reading the facts of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control import provision, secrets
from nexus.control.facts import Facts, InstanceFacts
from nexus.control.holding import schemas
from nexus.control.processes.configs import config_file, render, skeleton
from nexus.control.processes.outside import initialised, keys_known
from nexus.runtimes.site import Site

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper


async def observe(keeper: ProcessKeeper, site: Site, notes: tuple[str, ...] = ()) -> Facts:
    """What is, seen by a running control loop. `site` is the stack as it should become.

    Raises:
        StartError: the history of a schema's migrations cannot go on.
    """
    instances, missing = observe_instances(keeper), secrets.missing(site)
    facts = Facts(site.ports, instances)
    pending, failed = await provision.pending(site, facts, missing)
    return Facts(
        ports=site.ports,
        instances=instances,
        initialised=initialised(site),
        pending=pending,
        schemas=await schemas(site, facts, pending, failed),
        secrets_missing=missing,
        keys=keys_known(site),
        outdated=outdated(keeper, site, instances),
        unbuilt=await keeper.unbuilt(site, [s.name for s in site.stack.services if not facts.of(s.name)]),
        notes=notes,
    )


def observe_instances(keeper: ProcessKeeper) -> dict[str, tuple[InstanceFacts, ...]]:
    """What runs, by service."""
    instances: dict[str, tuple[InstanceFacts, ...]] = {}
    if keeper.supervisor is not None:
        for instance in keeper.supervisor:
            name = instance.service.name
            instances[name] = (*instances.get(name, ()), instance.facts())
    return instances


def outdated(
    keeper: ProcessKeeper, site: Site, instances: Mapping[str, tuple[InstanceFacts, ...]]
) -> frozenset[str]:
    """The proxies that run with another configuration than they should."""
    found = set()
    for service in site.stack.services:
        file = config_file(site, service)
        running = next((i for i in instances.get(service.name, ()) if i.pid), None)
        if running is None or file is None or not file.exists():
            continue
        if skeleton(file.read_text()) != skeleton(render(keeper, site, service, running.port)):
            found.add(service.name)
    return frozenset(found)
