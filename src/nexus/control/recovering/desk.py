"""What every command on backups knows: the stack, its policy, its places and keys, its database.

Nothing here changes the stack. Commands use it in their own process, so that backups can be read and taken
when no control loop runs; the control loop uses it for its schedule.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.control.addresses import Refused, planned
from nexus.control.as_run import as_run
from nexus.control.chosen import chosen_stack
from nexus.control.migrating.sources import server_of
from nexus.control.outside import remembered
from nexus.control.recovering.apart import is_apart
from nexus.control.secrets import ADMIN_URL
from nexus.recovery.backups.cache import Cache
from nexus.recovery.backups.source import Source
from nexus.recovery.places.opening import open_places
from nexus.recovery.repository import Repository
from nexus.recovery.sealing.keyring import load_keys
from nexus.releases import Catalogue
from nexus.runtimes.home import Home
from nexus.runtimes.process.drivers import valkey
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Stack
from nexus.stack.recovering import RecoveryPolicy

if TYPE_CHECKING:
    from nexus.control.world import World


CONNECT = 5.0  # seconds


@dataclass(frozen=True)
class Desk:
    """One stack's recovery. `site`: the manifests' tree as they are now, and where it runs."""

    site: Site

    @classmethod
    def outside(cls, home: Home, root: Path) -> Desk:
        """For a command, whether a control loop runs or not.

        Raises:
            Refused: a manifest is wrong.
        """
        kept = remembered(home)
        stack = as_run(chosen_stack(root, kept.only), kept.runtime)
        return cls(Site(stack, home, planned(stack, kept.offset), contained=kept.runtime != "process"))

    @classmethod
    def of(cls, world: World) -> Desk:
        """For the control loop.

        Raises:
            Refused: no stack is known.
        """
        if world.site is None:
            raise Refused("nothing runs; start with `nexus up`")
        return cls(world.site)

    @property
    def home(self) -> Home:
        """Where the stack's state lies."""
        return self.site.home

    @property
    def stack(self) -> Stack:
        """What the manifests say."""
        return self.site.stack

    @property
    def policy(self) -> RecoveryPolicy:
        """What a disaster may cost, and what is done against it."""
        return self.stack.recovery

    @property
    def has_database(self) -> bool:
        """Whether there is something to back up: one server that holds the schemas of all modules."""
        try:
            server_of(self.stack)
        except Refused:
            return False
        return True

    @property
    def began(self) -> bool:
        """Whether there is something to lose: it ever had a database, and is no copy of another stack."""
        return self.has_database and self._admin_url.exists() and not is_apart(self.home)

    def source(self, scheduled: bool = False) -> Source:
        """What a backup is taken of.

        Raises:
            Refused: there is no database, or its address cannot be read; or the stack is set apart.
        """
        self.check_own()
        return Source(
            self.stack, self.home, self._url(), self._releases(), self._cache(), scheduled=scheduled
        )

    def check_own(self) -> None:
        """Whatever changes backups asks this first.

        Raises:
            Refused: the stack is set apart: its places hold the backups of the one that it is a copy of.
        """
        if is_apart(self.home):
            raise Refused(
                f"this stack ({self.home.root}) runs on a copy of another's data: its places hold that one's "
                "backups, and it neither takes nor deletes any; do it in the stack itself"
            )

    async def system(self) -> str:
        """The identifier of the present cluster; "" while the database does not answer."""
        import asyncpg

        try:
            connection = await asyncpg.connect(self._url(), timeout=CONNECT)
        except (Refused, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return ""
        try:
            return str(await connection.fetchval("SELECT system_identifier FROM pg_control_system()"))
        finally:
            await connection.close(timeout=CONNECT)

    @asynccontextmanager
    async def repository(self) -> AsyncIterator[Repository]:
        """What is stored, in all places, while the block runs.

        Raises:
            PlaceError: a place cannot be opened as it is described.
            WrongKey: the stack's key cannot be read.
        """
        places = open_places(self.stack, self.home)
        try:
            yield Repository(places, load_keys(self.home), self.home.root / "recovery" / "scratch")
        finally:
            for place in places:
                await place.close()

    @property
    def _admin_url(self) -> Path:
        return self.site.secret(server_of(self.stack), ADMIN_URL)

    def _url(self) -> str:
        try:
            return self._admin_url.read_text().strip()
        except FileNotFoundError:
            raise Refused("this stack has no database yet; start it with `nexus up`") from None
        except OSError as error:
            raise Refused(f"{error.filename} cannot be read ({error.strerror})") from error

    def _releases(self) -> dict[str, str]:
        if not self.home.database.exists():
            return {}
        with closing(Catalogue(self.home.database)) as catalogue:
            return dict(catalogue.stable())

    def _cache(self) -> Cache | None:
        for service in self.stack.services:
            secret = self.site.secret(service, valkey.PASSWORD)
            if service.runtime == "valkey" and secret.exists():
                return Cache(LOOPBACK, self.site.ports[service.name], secret.read_text().strip())
        return None
