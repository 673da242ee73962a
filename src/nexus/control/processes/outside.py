"""What can be seen of a stack's processes while no control loop runs."""

from __future__ import annotations

from nexus.control import secrets
from nexus.control.addresses import Addresses
from nexus.control.facts import Facts, InstanceFacts
from nexus.control.processes.places import KEYS_INDEX
from nexus.runtimes.process.drivers import postgres
from nexus.runtimes.process.identity import alive
from nexus.runtimes.process.register import Register
from nexus.runtimes.site import Site


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
        initialised=initialised(site),
        pending={service.name: None for service in site.stack.services if service.database},
        secrets_missing=secrets.missing(site),
        keys=keys_known(site),
        notes=found.notes,
    )


def initialised(site: Site) -> frozenset[str]:
    """The databases whose data folder is complete."""
    databases = site.stack.of_kind("database")
    return frozenset(s.name for s in databases if s.runtime != "postgres" or postgres.initialised(site, s))


def keys_known(site: Site) -> bool:
    """Whether every gateway has keys to verify tokens with, where a module publishes any."""
    if not any(service.jwks for service in site.stack.services):
        return True
    return all(
        (site.home.config(g.name) / "keys" / KEYS_INDEX).exists() for g in site.stack.of_kind("gateway")
    )
