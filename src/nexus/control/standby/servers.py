"""The database, its standby and the holder of its port, as services that the process runtime can keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nexus.control.addresses import Refused
from nexus.render.entry import entry_config
from nexus.runtimes.process.drivers import haproxy
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Service, Stack
from nexus.stack.manifest import Health, Needs
from nexus.standby.members import entry_name, standby_name


def has_database(stack: Stack) -> bool:
    """Whether a stack has the one database that a standby can be of. Pure."""
    return sum(service.runtime == "postgres" for service in stack.services) == 1


def database_of(stack: Stack) -> Service:
    """The database that a standby is of.

    Raises:
        Refused: the stack has none, or several.
    """
    found = [service for service in stack.services if service.runtime == "postgres"]
    if len(found) == 1:
        return found[0]
    names = ", ".join(service.name for service in found) or "none"
    raise Refused(f"a standby is of the one PostgreSQL of a stack; this stack has: {names}")


def beside(site: Site, database: Service, ports: Mapping[str, int]) -> Site:
    """A site of nothing but the standby and the holder of the stable port, which listens on it. Pure."""
    standby = replace(database, name=standby_name(database.name), needs=Needs())
    entry = replace(
        standby, name=entry_name(database.name), runtime="haproxy", health=Health(live="", ready="")
    )
    known = {standby.name: 0, **ports, entry.name: site.ports[database.name]}
    return replace(site, stack=replace(site.stack, services=(standby, entry)), ports=known)


def entry_text(site: Site, entry: Service, port: int, primary: int) -> str:
    """The configuration of what holds the stable port `port` while the primary listens on `primary`."""
    return entry_config(LOOPBACK, port, primary, haproxy.stats_socket(site, entry))


def passfile(site: Site, database: Service) -> Path:
    """The file from which the standby reads its password."""
    return site.home.secret(database.name, "standby_pgpass")
