"""Which modules can be tried here as plain processes, and what keeps the others from it.

A stack in containers asks nothing of its machine but an engine: Node.js, or a registry of packages, may be
out of reach there. That says nothing of the new schema.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from nexus.control.addresses import planned
from nexus.releases import Release
from nexus.releases.artefact import ArtefactError, service_of
from nexus.runtimes.home import Home
from nexus.runtimes.process.building import build
from nexus.runtimes.process.drivers import DRIVERS
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service, Stack

IMAGE = "it runs from an image"


def imaged(stack: Stack) -> dict[str, Service]:
    """The services that have no program here. Pure."""
    return {service.name: service for service in stack.services if service.runtime not in DRIVERS}


async def unable(stack: Stack, home: Home, releases: Collection[Release]) -> dict[str, str]:
    """Module → why it cannot be started on the copy whose home this is. Makes what the others run from."""
    site = Site(stack, home, planned(stack, 0))
    found = dict.fromkeys(imaged(stack), IMAGE)
    for release in releases:
        if release.service in found:
            continue
        try:
            await build(site, service_of(stack, release, home))
        except StartError as error:
            found[release.service] = f"it cannot be made ready to run here: {error}"
        except ArtefactError:
            continue  # who starts it says what is wrong
    return _with_dependents(stack, found)


def _with_dependents(stack: Stack, found: Mapping[str, str]) -> dict[str, str]:
    """And those that do not start without one of them."""
    whole = dict(found)
    for name in found:
        for service in stack.dependents(name):
            if service.kind == "module":
                whole.setdefault(service.name, f"it needs {name}, which cannot be started here")
    return whole
