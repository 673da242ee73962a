"""Reading the facts of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control import provision, secrets
from nexus.control.addresses import Addresses
from nexus.control.facts import Facts, InstanceFacts
from nexus.control.holding import schemas
from nexus.control.processes.configs import config_file, render, skeleton
from nexus.control.processes.keys import INDEX
from nexus.runtimes.process.drivers import postgres
from nexus.runtimes.process.identity import alive
from nexus.runtimes.process.register import Register
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
        initialised=_initialised(site),
        pending=pending,
        schemas=await schemas(site, facts, pending, failed),
        secrets_missing=missing,
        keys=_keys_known(site),
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


def observe_from_outside(site: Site, found: Addresses) -> Facts:
    """What is, seen while no control loop runs: services that an earlier one left count as starting."""
    instances: dict[str, tuple[InstanceFacts, ...]] = {}
    if site.home.database.exists():
        register = Register(site.home.database)
        for running in register.known():
            if running.pid and alive(running.pid, running.birth):
                facts = InstanceFacts(
                    running.instance, running.pid, running.port, running.release, "starting", running.since
                )
                instances[running.service] = (*instances.get(running.service, ()), facts)
        register.close()
    return Facts(
        ports=found.ports,
        instances=instances,
        initialised=_initialised(site),
        pending={service.name: None for service in site.stack.services if service.database},
        secrets_missing=secrets.missing(site),
        keys=_keys_known(site),
        notes=found.notes,
    )


def _initialised(site: Site) -> frozenset[str]:
    databases = site.stack.of_kind("database")
    return frozenset(s.name for s in databases if s.runtime != "postgres" or postgres.initialised(site, s))


def _keys_known(site: Site) -> bool:
    """Whether every gateway has keys to verify tokens with, where a module publishes any."""
    if not any(service.jwks for service in site.stack.services):
        return True
    return all((site.home.config(g.name) / "keys" / INDEX).exists() for g in site.stack.of_kind("gateway"))
