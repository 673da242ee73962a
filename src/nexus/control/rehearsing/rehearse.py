"""`nexus migrate rehearse`: the whole, in the process of the command; the control loop need not run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from nexus.business import load_invariants
from nexus.control.migrating.sources import server_of
from nexus.control.rehearsing.commands import clear_abandoned
from nexus.control.rehearsing.smoke import Smoking
from nexus.control.restoring.engine import opened
from nexus.migrations.applying import apply_pending
from nexus.migrations.applying.settings import Settings, Tell, quiet
from nexus.migrations.planning.planned import MigrationFacts, MigrationPlan
from nexus.migrations.rehearsing.filling import Filling
from nexus.migrations.rehearsing.rehearse import Options, Subject
from nexus.migrations.rehearsing.rehearse import rehearse as rehearse_plan
from nexus.migrations.rehearsing.report import Report
from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.recovery.restoring.rehearsing import from_latest
from nexus.runtimes.site import Site


class Desk(Protocol):
    """What is needed of `nexus.control.migrating.desk.Desk`."""

    @property
    def site(self) -> Site: ...
    @property
    def admin_url(self) -> str: ...
    @property
    def runtime(self) -> str: ...
    @property
    def schemas(self) -> tuple[str, ...]: ...
    @property
    def rehearsals(self) -> Path: ...
    @property
    def settings(self) -> Settings: ...
    async def facts(self) -> MigrationFacts: ...


async def rehearse(
    desk: Desk,
    plan: MigrationPlan,
    options: Options = Options(),
    say: Say = unsaid,
    tell: Tell = quiet,
    smoke: bool = True,
    backup: bool = False,
) -> Report:
    """Rehearses a plan on a copy of the stack's data and keeps the report.

    `say` gets what happens, as sentences that can be put into another language; `tell` what is told of each
    statement. `smoke`: whether the running releases are started on the copy. `backup`:
    whether the copy is restored from the latest backup and the WAL behind it, instead of the living database.

    Raises:
        RehearsalFailed: no copy can be made.
        InvariantError: a file of an invariant is wrong.
        Refused: the stack has no database.
    """
    stack = desk.site.stack
    cleared = await clear_abandoned(desk.rehearsals, stack.root)
    if cleared:
        say(Sentence("{n} rehearsals that had been killed were cleared away", n=cleared))
    service = server_of(stack).name
    facts = await desk.facts()
    candidates = tuple(
        (each.module, each.release)
        for each in facts.running
        if not each.stable and each.module in facts.histories
    )
    subject = Subject(
        url=desk.admin_url,
        plan=plan,
        folder=desk.rehearsals,
        schemas=desk.schemas,
        running=facts.running,
        invariants=(await asyncio.to_thread(load_invariants, stack)).usable,
        service=service,
        bare=desk.runtime == "process",
        settings=desk.settings,
    )
    smoking = Smoking(desk.site, service, candidates, say=say) if smoke else None
    async with _ways(desk.site, backup, say) as ways:
        return await rehearse_plan(subject, options, apply_pending, smoking, say, tell, ways)


@asynccontextmanager
async def _ways(site: Site, backup: bool, say: Say) -> AsyncIterator[Sequence[Filling] | None]:
    """How the copy is filled; None: as the living server allows."""
    if not backup:
        yield None
        return
    async with opened(site.stack, site.home, say) as engine:
        yield (await from_latest(engine.repository, say),)
