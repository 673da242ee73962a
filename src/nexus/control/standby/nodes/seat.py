"""The database of a Swarm and its standby: their addresses, their nodes, and what is remembered of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nexus.control.standby import servers
from nexus.control.standby.nodes.record import Records
from nexus.render.containers.standby import Follower, unit_of_follower
from nexus.runtimes import ports
from nexus.runtimes.containers.container import Container, ContainerRuntime
from nexus.runtimes.containers.managers import Managers, Node
from nexus.runtimes.site import Site
from nexus.stack import Service
from nexus.standby import StandbyError, addresses

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper
    from nexus.runtimes.memory import Memory

ADMIN_URL = "admin_url"


class NodeSeat:
    """All of it needs a site. `lock`: held by whoever moves the primary."""

    def __init__(self, keeper: ContainerKeeper, memory: Memory) -> None:
        self.keeper = keeper
        self.records = Records(memory)
        self.lock = asyncio.Lock()

    @property
    def possible(self) -> bool:
        """Whether the stack has a database that can have a standby."""
        return self.keeper.site is not None and servers.has_database(self.keeper.site.stack)

    @property
    def site(self) -> Site:
        """The stack's site."""
        return self.keeper.kept

    @property
    def database(self) -> Service:
        """The database that is stood by for."""
        return servers.database_of(self.site.stack)

    @property
    def unit(self) -> str:
        """The engine's name for the standby."""
        return unit_of_follower(self.database.name)

    @property
    def wanted(self) -> bool:
        """Whether the database is to run."""
        return self.database.name in self.keeper.wanted.names

    @property
    def managers(self) -> Managers:
        """The managers of the Swarm."""
        return Managers(self.keeper.engine, self.keeper.project(self.site).name)

    @property
    def follower(self) -> Follower:
        """The standby.

        Raises:
            StandbyError: there is none.
        """
        found = self.records.kept.placed.follower
        if found is None:
            raise StandbyError("there is no standby; add one with `nexus standby add`")
        return found

    @property
    def holder_id(self) -> str:
        """The id of the node with the primary's data; "" while no standby was ever added."""
        kept = self.records.kept
        return kept.placed.node or kept.first

    @property
    def volume(self) -> str:
        """The primary's volume, without the name of the stack."""
        return self.records.kept.placed.volume or self.database.name

    def url(self, port: int | None = None) -> str:
        """The superuser's address of the primary, or of what is behind another port."""
        told = self.site.secret(self.database, ADMIN_URL).read_text().strip()
        return addresses.at(told, port or addresses.port_of(told), addresses.MAINTENANCE)

    def container(self, unit: str) -> Container | None:
        """The container of a service, as it was last seen."""
        return next((each for each in self.keeper.seen if each.unit == unit), None)

    def runtime(self, unit: str) -> ContainerRuntime:
        """What drives the engine, with the files as an act on this service needs them."""
        self.keeper.project(self.site).write(unit)
        return self.keeper.containers(self.site)

    def forget_password(self, follower: Follower) -> None:
        """Removes the password of what is no standby any more."""
        self.site.home.secret(self.database.name, follower.secret).unlink(missing_ok=True)

    def free_port(self) -> int:
        """A port of this machine's loopback for the standby."""
        return next(ports.instance_ports(self.keeper.home.root, set(self.site.ports.values())))

    async def holder(self) -> Node | None:
        """The node that has the primary's data; None where it left the Swarm, or nothing runs."""
        known, nodes = self.holder_id, await self.managers.nodes()
        if known:
            return next((each for each in nodes if each.id == known), None)
        living = await self.managers.living(self.database.name)
        return next((each.node for each in living if each.node is not None), None)

    async def place_for_another(self) -> Node:
        """The node for a standby: an active one other than the primary's, the one with the fewest of the
        stack's containers.

        Raises:
            StandbyError: there is none.
        """
        holder = await self.holder()
        if holder is None:
            raise StandbyError(f"{self.database.name} runs on no node; look at `nexus status`")
        fit = [n for n in await self.managers.nodes() if n.ready and n.active and n.id != holder.id]
        if not fit:
            raise StandbyError(
                f"this Swarm has no active node beside {holder.host}, which has the primary; a standby there "
                "would be lost with it: join another node (`docker swarm join-token worker`)"
            )
        there = [each.node for each in self.keeper.seen]
        return min(fit, key=lambda node: (there.count(node.host), node.host))
