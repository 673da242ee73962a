"""What a release needs beside its files to run on a bare machine: an environment, or a build."""

from __future__ import annotations

from nexus.runtimes.process import environments
from nexus.runtimes.process.drivers import node
from nexus.runtimes.site import Site
from nexus.stack import Service


def built(site: Site, service: Service) -> bool:
    """Whether all is there that the service's release runs from."""
    if service.runtime == "node":
        return node.built(site, service)
    return service.runtime != "python" or environments.built(site.home, service)


async def build(site: Site, service: Service) -> None:
    """Makes what is missing.

    Raises:
        StartError: it cannot be made; says why.
    """
    if service.runtime == "node":
        await node.build(site, service)
    elif service.runtime == "python":
        await environments.build(site.home, service)
