"""Carrying out a plan of migrations, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control.migrating.aside import aside, told_here
from nexus.control.migrating.desk import Desk
from nexus.control.migrating.pressure import pressure_of
from nexus.control.migrating.telling import told_event
from nexus.control.turn import Emit
from nexus.migrations.applying import apply_pending
from nexus.migrations.applying.settings import Settings, Told
from nexus.migrations.errors import MigrationStopped, PlanRefused
from nexus.migrations.migration import sha256
from nexus.migrations.planning.planned import MigrationPlan, PlannedMigration
from nexus.plans import Action, Step, StepStopped
from nexus.runtimes.protocol import StartError

if TYPE_CHECKING:
    from nexus.control.world import World


class Applying:
    """The hands of the executor for one plan. `stop`: set when the operator asks to stop."""

    def __init__(
        self, world: World, desk: Desk, plan: MigrationPlan, emit: Emit, stop: asyncio.Event
    ) -> None:
        self._world = world
        self._desk = desk
        self._planned: dict[tuple[str, str], PlannedMigration] = {
            (each.source.module, each.migration.name): each for each in plan.steps
        }
        self._emit = emit
        self._stop = stop
        self._first = True

    def actions(self) -> Mapping[str, Action]:
        """Action name → what carries it out."""
        return {"migrate-one": self.migrate_one}

    async def migrate_one(self, step: Step) -> None:
        """Applies one migration. The restore point is named before the first.

        Raises:
            MigrationError: it cannot be applied, or its file is not the planned one any more.
            StepStopped: it was asked to stop while others were in its way.
            StartError: others have applied it meanwhile.
        """
        planned = self._planned[step.target, step.arguments["migration"]]
        settings, url = self._settings(), self._desk.admin_url
        name, tell = planned.migration.name, told_here(self._tell)
        await asyncio.to_thread(_check_unchanged, planned)
        try:
            done = await aside(lambda: apply_pending(url, planned.source, settings, tell, {name}))
        except MigrationStopped as error:
            raise StepStopped(str(error)) from error
        self._first = False
        if name not in done:
            raise StartError(
                f"{planned.id} was applied by somebody else meanwhile; run the same command again"
            )

    def _settings(self) -> Settings:
        settings = replace(self._desk.settings, restore_point=self._first, stop=self._stop.is_set)
        asked = pressure_of(self._world)
        return replace(settings, throttle=replace(settings.throttle, pressure=asked)) if asked else settings

    def _tell(self, told: Told) -> None:
        self._emit(told_event(told))


def _check_unchanged(planned: PlannedMigration) -> None:
    file = planned.migration.file
    if sha256(file.read_bytes()) != planned.migration.checksum:
        raise PlanRefused(f"{file} was edited since it was planned; nothing of it was applied: plan again")


def without_rehearsal(plan: MigrationPlan) -> MigrationPlan:
    """The plan for an operator who answers for it that nothing was rehearsed. Pure."""
    return replace(plan, refusals=tuple(each for each in plan.refusals if each.kind != "rehearsal"))
