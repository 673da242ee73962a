"""How each kind of program is started on a bare machine: one driver per `runtime:` of a manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nexus.runtimes.process.drivers import command, haproxy, nginx, node, postgres, python, valkey
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.protocol import Launch, StartError
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service

Prepare = Callable[[ProcessRuntime, Site, Service, Slot, str], Launch]


@dataclass(frozen=True)
class Driver:
    """`prepare` writes what the program needs to find and says how to start it.

    Its last argument is the configuration text rendered for the service ("" where there is none).
    `grace` is how long, in seconds, a stop may take before the process is killed.
    """

    prepare: Prepare
    grace: float


DRIVERS: Mapping[str, Driver] = {
    "postgres": Driver(postgres.prepare, 6.0),
    "valkey": Driver(valkey.prepare, 4.0),
    "haproxy": Driver(haproxy.prepare, 3.0),
    "nginx": Driver(nginx.prepare, 3.0),
    "python": Driver(python.prepare, 4.0),
    "command": Driver(command.prepare, 4.0),
    "node": Driver(node.prepare, 4.0),
}


def driver(service: Service) -> Driver:
    """The driver of a service.

    Raises:
        StartError: this runtime does not run on a bare machine.
    """
    found = DRIVERS.get(service.runtime)
    if found is None:
        raise StartError(
            f"{service.name}: runtime {service.runtime!r} does not run as a plain process; "
            f"use one of {', '.join(sorted(DRIVERS))}"
        )
    return found
