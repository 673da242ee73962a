"""How all modules' schemas stand: what `nexus migrate status` shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from nexus.control.migrating.desk import Desk
from nexus.migrations import commands
from nexus.migrations.declared import PhaseName
from nexus.migrations.errors import MigrationError
from nexus.migrations.history import read_history
from nexus.migrations.history.state import History, Problem
from nexus.migrations.migration import Source
from nexus.migrations.phase import phases_or_faults


@dataclass(frozen=True)
class Pending:
    """A migration that is not applied. `phase`: None where it cannot be read, and for a module's own tool;
    `why`: it is a contract. `resumes`: it was begun by Nexus and goes on.
    """

    name: str
    phase: PhaseName | None
    why: str = ""
    resumes: bool = False


@dataclass(frozen=True)
class Standing:
    """One module. `unreadable`: why its folder, or a script in it, cannot be read ("" = it can)."""

    source: Source
    made: bool = True
    applied: int = 0
    latest: str = ""
    pending: tuple[Pending, ...] = ()
    problems: tuple[Problem, ...] = ()
    unreadable: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.unreadable and not any(each.blocks for each in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "module": self.source.module,
            "schema": self.source.schema,
            "format": self.source.format,
            "folder": str(self.source.folder),
            "ok": self.ok,
            "made": self.made,
            "applied": self.applied,
            "latest": self.latest,
            "pending": [asdict(each) for each in self.pending],
            "problems": [{**asdict(each), "blocks": each.blocks} for each in self.problems],
            "unreadable": self.unreadable,
        }


async def standing(desk: Desk) -> tuple[Standing, ...]:
    """How each module stands; one whose folder cannot be read says so and hides no other.

    Raises:
        Unanswered: the database cannot be asked.
    """
    found: list[Standing] = []
    async with desk.connected() as connection:
        for source in desk.sources:
            try:
                history = await read_history(connection, source)
                stood = await asyncio.to_thread(stands, history)
                if source.format == "command":
                    runs = await commands.pending(connection, source)
                    stood = replace(stood, pending=tuple(Pending(name, None) for name in runs))
            except MigrationError as error:
                stood = Standing(source, unreadable=str(error))
            found.append(stood)
    return tuple(found)


def stands(history: History) -> Standing:
    """How the module of a history stands. Pure."""
    pending, wrong = _pending(history)
    return Standing(
        history.source,
        history.made,
        len(history.applied),
        _latest(history),
        pending,
        history.problems,
        "; ".join(wrong),
    )


def _latest(history: History) -> str:
    """The last of the folder that is applied."""
    return next((each.name for each in reversed(history.migrations) if each.name in history.applied), "")


def _pending(history: History) -> tuple[tuple[Pending, ...], Sequence[str]]:
    found, wrong = [], []
    for name, phase in phases_or_faults(history.migrations, {each.name for each in history.pending}):
        resumes = name in history.resumable
        if isinstance(phase, MigrationError):
            wrong.append(str(phase))
            found.append(Pending(name, None, "", resumes))
        else:
            found.append(Pending(name, phase.name, phase.sentence, resumes))
    return tuple(found), wrong
