"""Taking one migration back, where it is proven that nothing is lost by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nexus.control.migrating.aside import aside, told_here
from nexus.control.migrating.desk import Desk
from nexus.control.migrating.telling import told_event
from nexus.control.turn import Emit
from nexus.migrations import shape
from nexus.migrations.applying.settings import Told
from nexus.migrations.errors import HistoryBroken
from nexus.migrations.history import read_history
from nexus.migrations.migration import Source
from nexus.plans import Action, Plan, Step

PROVING = "its inverse is made, and proven in a shadow database"


@dataclass(frozen=True)
class Undoing:
    """One migration that is to be taken back: what will be run, and why it may not be."""

    desk: Desk
    source: Source
    name: str
    found: shape.UndoPlan
    needed_by: Mapping[str, str]
    emit: Emit

    @classmethod
    async def of(cls, desk: Desk, module: str, name: str, emit: Emit) -> Undoing:
        """Finds the inverse of a module's newest migration, or of the one named, and proves it in a shadow.

        Raises:
            Refused: the module has no schema, or the database cannot be asked.
            HistoryBroken: nothing is applied to it.
        """
        source = desk.source(module)
        name = name or await _newest(desk, source)
        emit(told_event(Told("proving", module, name, sentence=PROVING)))
        needed_by = await desk.needed_by(module)
        url, all_of_them = desk.admin_url, desk.sources
        found = await aside(lambda: shape.undo_plan(url, source, name, needed_by, all_of_them))
        return cls(desk, source, name, found, needed_by, emit)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why it may not be taken back; none when it may."""
        return self.found.refusals

    @property
    def plan(self) -> Plan:
        """The one step; none where it is refused."""
        if self.refusals:
            return Plan(self._title)
        step = Step(
            f"undo {self.source.module}/{self.name}",
            "undo",
            self.source.module,
            "an operator asks for it",
            f"take {self.name} back: {_count(len(self.found.statements))}",
            undo="nexus migrate apply",
            arguments={"migration": self.name},
        )
        return Plan(self._title, (step,))

    @property
    def text(self) -> str:
        """The plan with its SQL, or why there is none."""
        if self.refusals:
            return "\n".join([f"{self._title}: refused", *(f"  {each}" for each in self.refusals)])
        statements = (each.replace("\n", "\n    ") for each in self.found.statements)
        proof = [f"  {self.found.proof}"] if self.found.proof else []
        return "\n".join([self.plan.text(), *(f"    {each}" for each in statements), *proof])

    @property
    def _title(self) -> str:
        return f"migrate undo {self.source.module}/{self.name}"

    def actions(self) -> Mapping[str, Action]:
        """Action name → what carries it out."""
        return {"undo": self.undo_one}

    async def undo_one(self, step: Step) -> None:
        """Runs the inverse in one transaction.

        Raises:
            MigrationError: something was written meanwhile, or a lock cannot be had; nothing is changed.
        """
        desk, tell = self.desk, told_here(self._tell)
        url, settings, all_of_them = desk.admin_url, desk.settings, desk.sources
        await aside(
            lambda: shape.undo(url, self.source, self.name, settings, tell, self.needed_by, all_of_them)
        )

    def _tell(self, told: Told) -> None:
        self.emit(told_event(told))


def _count(statements: int) -> str:
    return "1 statement" if statements == 1 else f"{statements} statements"


async def _newest(desk: Desk, source: Source) -> str:
    async with desk.connected() as connection:
        history = await read_history(connection, source)
    here = [each.name for each in history.migrations if each.name in history.applied]
    if not here:
        raise HistoryBroken(f"{source.module}: nothing of its folder is applied; there is nothing to undo")
    return here[-1]
