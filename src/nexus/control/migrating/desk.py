"""What every command on migrations knows: the stack, its database, the histories, what runs.

Nothing here changes anything. Commands that only read use it in their own process, so that the control loop
need not run; the control loop uses it for those that change.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from nexus.control.addresses import Refused, planned
from nexus.control.as_run import as_run
from nexus.control.chosen import chosen_before, chosen_stack
from nexus.control.keeper import RuntimeName
from nexus.control.migrating.readable import Readable, beside, readable
from nexus.control.migrating.running import Labels, labels_from_outside, labels_of, running_releases
from nexus.control.migrating.sources import chosen, server_of, sources_of
from nexus.control.migrating.tools import with_tools
from nexus.control.outside import remembered
from nexus.control.provision import settings_of
from nexus.control.secrets import ADMIN_URL
from nexus.migrations.applying.settings import Settings
from nexus.migrations.effects import read_living
from nexus.migrations.effects.effect import Living
from nexus.migrations.migration import Source
from nexus.migrations.planning import plan
from nexus.migrations.planning.planned import MigrationFacts, MigrationPlan, Rates, RunningRelease
from nexus.migrations.rehearsing import reports
from nexus.migrations.rehearsing.lacking import with_lacking
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site
from nexus.stack import Stack

if TYPE_CHECKING:
    from nexus.control.world import World

    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

CONNECT = 10.0  # seconds


class Unanswered(Refused):
    """The database cannot be asked. `text` is the message with places in braces for the `values`."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text.format(**values) if values else text)
        self.text = text
        self.values = values


@dataclass(frozen=True)
class Desk:
    """One stack's migrations as its folders and its database hold them.

    `site`: the manifests' tree, and where it runs. `labels`: tells which releases have instances.
    """

    site: Site
    runtime: RuntimeName
    labels: Callable[[], Labels]

    @classmethod
    def outside(cls, home: Home, root: Path) -> Desk:
        """For a command, whether a control loop runs or not.

        Raises:
            Refused: a manifest is wrong.
        """
        kept = remembered(home)
        stack = as_run(chosen_stack(root, kept.only), kept.runtime)
        site = Site(stack, home, planned(stack, kept.offset), contained=kept.runtime != "process")
        return cls(site, kept.runtime, lambda: labels_from_outside(home, root))

    @classmethod
    def of(cls, world: World) -> Desk:
        """For the control loop.

        Raises:
            Refused: nothing runs, or a manifest is wrong.
        """
        if world.site is None:
            raise Refused("nothing runs; start with `nexus up`")
        root, runtime = world.site.stack.root, world.keeper.runtime
        stack = as_run(chosen_stack(root, chosen_before(world.register)), runtime)
        site = replace(world.site, stack=stack, ports={**planned(stack, 0), **world.site.ports})
        return cls(site, runtime, lambda: labels_of(world.keeper.instances()))

    @property
    def home(self) -> Home:
        """Where the stack's state lies."""
        return self.site.home

    @property
    def stack(self) -> Stack:
        """What the manifests say."""
        return self.site.stack

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Where all modules keep their migrations."""
        return sources_of(self.stack)

    @cached_property
    def schemas(self) -> tuple[str, ...]:
        """The schemas of all modules."""
        return tuple(each.schema for each in self.sources)

    def source(self, module: str) -> Source:
        """The source of one module.

        Raises:
            Refused: it has none.
        """
        return chosen(self.sources, module)

    @cached_property
    def admin_url(self) -> str:
        """The address of the database for its superuser.

        Raises:
            Unanswered: there is no database yet.
        """
        file = self.site.secret(server_of(self.stack), ADMIN_URL)
        try:
            return file.read_text().strip()
        except FileNotFoundError:
            raise Unanswered("this stack has no database yet; start it with `nexus up`") from None
        except OSError as error:
            raise Unanswered("{file} cannot be read ({reason})", file=file, reason=error.strerror) from error

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """A superuser's connection while the block runs.

        Raises:
            Unanswered: PostgreSQL does not answer, or the database is not there.
        """
        try:
            connection = await asyncpg.connect(self.admin_url, timeout=CONNECT)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            reason = str(error) or type(error).__name__
            raise Unanswered(
                "PostgreSQL does not answer ({reason}); start the stack with `nexus up`", reason=reason
            ) from error
        try:
            yield connection
        finally:
            await connection.close(timeout=CONNECT)

    async def readable(self) -> Readable:
        """The folder of each module beside its schema's record, and what cannot be read.

        Raises:
            Unanswered: the database cannot be asked.
        """
        async with self.connected() as connection:
            return await readable(connection, self.sources)

    async def living(self) -> Living:
        """What of the tables of all modules is known.

        Raises:
            Unanswered: the database cannot be asked.
        """
        async with self.connected() as connection:
            return await read_living(connection, self.schemas)

    async def facts(self) -> MigrationFacts:
        """All that a plan is made from, but for the rehearsal.

        Raises:
            Unanswered: the database cannot be asked.
            MigrationError: a folder or a script cannot be read.
        """
        found = await self.readable()
        for fault in found.faults.values():
            raise fault
        return await self._facts(found)

    async def _facts(self, found: Readable) -> MigrationFacts:
        return MigrationFacts(
            found.histories,
            await self.living(),
            await self.running(),
            await asyncio.to_thread(self.rates),
            rehearse_within=self.stack.migrations.rehearse_within,
            at=time.time(),
            modules=frozenset(each.name for each in self.stack.services),
        )

    async def plan(self, to: Mapping[str, str] | None = None) -> MigrationPlan:
        """What would be applied, in order, and what stands in the way.

        Raises:
            Unanswered: the database cannot be asked.
            MigrationError: `to` names what is not there.
        """
        for module in to or {}:
            self.source(module)
        read = await self.readable()
        facts = await self._facts(read)
        found = beside(await asyncio.to_thread(plan, facts, to or {}), read.faults)
        if found.commands:
            async with self.connected() as connection:
                found = await with_tools(found, connection)
        if facts.rehearse_within is None or not found.steps or read.faults:
            return found
        report = await asyncio.to_thread(reports.counted, self.rehearsals, found.digest)
        if report is None or not report.ok:
            newest = await asyncio.to_thread(reports.latest, self.rehearsals, found.digest)
            return with_lacking(found, newest)
        again = await asyncio.to_thread(plan, replace(facts, rehearsed_at=report.at), to or {})
        return replace(again, commands=found.commands, notes=found.notes)

    async def running(self) -> tuple[RunningRelease, ...]:
        """The releases that have instances or are stable, with the migrations of their own folders."""
        return await asyncio.to_thread(lambda: running_releases(self.stack, self.home, self.labels()))

    async def needed_by(self, module: str) -> dict[str, str]:
        """Migration → a release of the module that runs and has it."""
        return {
            name: f"{module} {each.version or each.release}"
            for each in await self.running()
            if each.module == module
            for name in each.migrations
        }

    @property
    def rehearsals(self) -> Path:
        """The folder that reports of rehearsals are kept in."""
        return self.home.root / "rehearsals"

    def rates(self) -> Rates:
        """How fast this machine works, as the last rehearsal measured it; else the defaults."""
        return reports.rates(self.rehearsals)

    @property
    def settings(self) -> Settings:
        """How careful migrations are applied, as `nexus.yaml` says."""
        return settings_of(self.stack)
