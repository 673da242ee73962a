"""Keeping the standby, and what holds the stable port while the primary listens elsewhere.

Both are kept as any service is: adopted by the next control loop, probed, started again when they end.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.control.processes.instance import Instance
from nexus.control.processes.supervisor import Supervisor
from nexus.control.standby import servers
from nexus.control.standby.record import Records
from nexus.postgres.programs import Programs
from nexus.runtimes import ports
from nexus.runtimes.probes import Prober
from nexus.runtimes.process.drivers import driver, postgres
from nexus.runtimes.protocol import Running
from nexus.runtimes.site import LOOPBACK, Site, Slot
from nexus.stack import Service
from nexus.standby import addresses
from nexus.standby.members import entry_name, point, standby_name
from nexus.standby.seat import Seat

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper

log = logging.getLogger("nexus.control")
ADMIN_URL = "admin_url"
START_LIMIT = 60.0


class StandingBy:
    """The servers beside the primary. All of it needs a site: it is asked for after the first `settle`.

    `lock`: held by whoever moves the seat; `seat` decides who is the primary.
    """

    def __init__(self, keeper: ProcessKeeper) -> None:
        self.keeper = keeper
        self.records = Records(keeper.register)
        self.lock = asyncio.Lock()
        self._beside: Supervisor | None = None

    @cached_property
    def seat(self) -> Seat:
        """Which data folder may accept writes."""
        return Seat(self.keeper.home.database)

    @property
    def possible(self) -> bool:
        """Whether the stack has a database that can have a standby."""
        site = self.keeper.site
        return site is not None and servers.has_database(site.stack)

    @property
    def moving(self) -> bool:
        """Whether another takes the primary's place at this moment: nobody starts the old one."""
        return self.possible and bool(self.seat.held().moving)

    @property
    def site(self) -> Site:
        """The stack's site."""
        assert self.keeper.site is not None
        return self.keeper.site

    @property
    def database(self) -> Service:
        """The database that is stood by for."""
        return servers.database_of(self.site.stack)

    @property
    def wanted(self) -> bool:
        """Whether the database is to run."""
        return self.database.name in self.keeper.wanted.names

    @property
    def programs(self) -> Programs:
        """PostgreSQL's programs, as its user, in a folder of theirs."""
        account = postgres.account(self.keeper.processes, self.database)
        site = servers.beside(self.site, self.database, {})
        return Programs(site.folders(site.stack.services[0], account), account)

    @property
    def names(self) -> tuple[str, ...]:
        """Under which names logs are written beside the primary's."""
        if not self.possible:
            return ()
        return standby_name(self.database.name), entry_name(self.database.name)

    @property
    def primary(self) -> Instance | None:
        """The instance that is the primary."""
        assert self.keeper.supervisor is not None
        return next(iter(self.keeper.supervisor.of(self.database.name)), None)

    @property
    def standby(self) -> Instance | None:
        """The instance that is the standby."""
        return next(iter(self._of(standby_name(self.database.name))), None)

    @property
    def forwarded(self) -> bool:
        """Whether the primary listens elsewhere than on its stable port."""
        primary = self.primary
        return primary is not None and primary.slot.port != self.site.ports[self.database.name]

    def url(self, port: int | None = None) -> str:
        """The superuser's address on a port, or on the stable one."""
        told = self.site.secret(self.database, ADMIN_URL).read_text().strip()
        return addresses.at(told, port or addresses.port_of(told), addresses.MAINTENANCE)

    @property
    def holder(self) -> Path:
        """The primary's data folder itself."""
        return self.keeper.home.data(self.database.name).resolve()

    @property
    def supervisor(self) -> Supervisor:
        """What keeps the servers beside the primary."""
        site = servers.beside(self.site, self.database, self._ports())
        if self._beside is None:
            self._beside = Supervisor(
                self.keeper.processes, site, Prober(site), self._config, lambda instance: None, _no_drain
            )
        else:
            self._beside.move(site)
        return self._beside

    async def take_up(self, found: Iterable[Running]) -> None:
        """Takes up what runs beside a primary that an earlier control loop left; the port is freed where
        the primary ended meanwhile, and will be started on it.
        """
        if not self.possible:
            return
        name = self.database.name
        beside = [each for each in found if each.service in (standby_name(name), entry_name(name))]
        if not beside:
            return
        self.supervisor.adopt(beside, {})
        if not any(each.service == name for each in found):
            await self.supervisor.stop(entry_name(name), 0.0, 1.0)

    async def begin(self) -> None:
        """Starts what is to run beside the primary; does not wait until it is ready."""
        if not self.possible:
            return
        record = self.records.standby
        if record is not None and self.standby is None and not self.moving:
            await self.follow(Path(record.data))
        if self.forwarded and not self._of(entry_name(self.database.name)):
            self.supervisor.want(self.supervisor.site.stack.service(entry_name(self.database.name)))

    async def follow(self, data: Path) -> Instance:
        """Keeps a server on a folder that follows the primary."""
        record = self.records.standby
        assert record is not None
        name = standby_name(self.database.name)
        point(self.keeper.home, name, data)
        if ports.state(LOOPBACK, record.port) != "free":
            self.records.standby = replace(record, port=self.free_port())
        return self.supervisor.want(self.supervisor.site.stack.service(name))[0]

    async def end(self) -> None:
        """Stops what runs beside the primary, which has ended."""
        if self._beside is None:
            return
        grace = driver(self.database).grace
        name = self.database.name
        await asyncio.gather(
            self.supervisor.stop(standby_name(name), 0.0, grace),
            self.supervisor.stop(entry_name(name), 0.0, 1.0),
        )

    async def forward(self) -> None:
        """Has the stable port lead to where the primary listens now.

        Raises:
            StartError: what holds the port does not start.
        """
        name = entry_name(self.database.name)
        await self.supervisor.stop(name, 0.0, 1.0)
        if self.forwarded:
            await self.supervisor.start(self.supervisor.site.stack.service(name), START_LIMIT)

    async def settled(self, service: str) -> None:
        """Returns when no other server takes the place of this service at this moment."""
        if self.possible and service == self.database.name:
            async with self.lock:
                return

    async def come_home(self) -> None:
        """Has the primary listen on its stable port from its next start on, which the caller sees to now."""
        await self.settled(self.database.name)
        primary = self.primary
        if primary is not None and self.forwarded:
            await self.supervisor.stop(entry_name(self.database.name), 0.0, 1.0)
            primary.slot = Slot(primary.id, self.site.ports[self.database.name])

    def free_port(self) -> int:
        """A port for a standby."""
        avoid = {*self.site.ports.values(), *(each.slot.port for each in self.keeper.supervisor or ())}
        return next(ports.instance_ports(self.keeper.home.root, avoid))

    async def forget(self) -> None:
        """Removes data folders that lie elsewhere than the stack's others, and all that is remembered."""
        record, former = self.records.standby, self.records.former
        told = [Path(each.data) for each in (record, former) if each is not None]
        for data in (*told, *([self.holder] if self.possible else [])):
            if data.is_dir():
                await asyncio.to_thread(shutil.rmtree, data)
        self.records.forget()

    async def close(self) -> None:
        """Lets go of everything; the servers go on running."""
        if self._beside is not None:
            await self._beside.close()
            await self._beside.prober.close()
        if "seat" in self.__dict__:
            self.seat.close()

    def _of(self, name: str) -> tuple[Instance, ...]:
        return self._beside.of(name) if self._beside is not None else ()

    def _ports(self) -> dict[str, int]:
        record = self.records.standby
        return {standby_name(self.database.name): record.port} if record else {}

    def _config(self, service: Service, port: int) -> str:
        if service.runtime != "haproxy" or self.primary is None:
            return ""
        assert self._beside is not None
        return servers.entry_text(self._beside.site, service, port, self.primary.slot.port)


async def _no_drain(instance: Instance, seconds: float) -> None:
    return
