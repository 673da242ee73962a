"""The nightly drill by itself: when it is due, and the process that carries it out.

It runs in a process of its own, as if an operator had typed `nexus drill`: whatever becomes of it, the
control loop keeps the stack.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from nexus.control.recovering.facts import SKEW, RecoveryFacts
from nexus.control.recovering.runs import Run
from nexus.control.recovering.timetable import last
from nexus.control.rehearsing.commands import Commands, Said
from nexus.migrations.rehearsing.leftovers import OWNER
from nexus.recovery.drilling.report import NIGHTLY
from nexus.runtimes.home import Home
from nexus.stack.recovering import Schedule

log = logging.getLogger("nexus.control")

EVENT = "recovery.drill-failed"  # a name that stays: alerts hang on it
LIMIT_S = 6 * 3600.0
AGAIN = 3600.0  # seconds until one that was interrupted is begun again
INTERRUPTED = 130


class Nights:
    """The nightly drills of one stack, for its control loop. `look` is called now and then."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether one is under way."""
        return self._task is not None

    def look(self, root: Path, facts: RecoveryFacts) -> None:
        """Begins the drill that is due, if any. `root`: the folder of the stack's manifests."""
        if self.busy or is_drilled(self._home) or not facts.backups:
            return
        runs = [each for each in facts.runs if each.what == "drill"]
        at = due(facts.policy.schedule, runs, facts.backups[0].ended, facts.now)
        if at is not None:
            log.info("the nightly drill is due")
            self._task = asyncio.create_task(self._drill(root, at), name="nightly drill")
            self._task.add_done_callback(self._ended)

    async def interrupt(self) -> None:
        """Cuts short what is under way, and waits until it has cleaned up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _drill(self, root: Path, at: float) -> None:
        command = ("drill", "--due", str(at), "--json")
        said = await Commands(self._home, root).run(*command, limit=LIMIT_S)
        told = outcome(said)
        if said.code == 0:
            log.info("the nightly drill: %s", told)
        elif said.code != INTERRUPTED:
            log.error("%s: %s: %s", EVENT, NIGHTLY, told)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: %s: %s", EVENT, type(error).__name__, error, exc_info=error)


def due(schedule: Schedule, runs: Sequence[Run], first_backup: float, now: float) -> float | None:
    """Since when the nightly drill is due (seconds since the epoch); None: it is not. Pure.

    `runs`: drills, newest first; `first_backup`: when the oldest backup ended. One that was missed while
    nothing ran is made up for once; the very first one waits for its hour.
    """
    found = last(schedule.drill, schedule.zone, datetime.fromtimestamp(now, UTC))
    if found is None:
        return None
    at = found.timestamp()
    known = [each for each in runs if each.began <= now + SKEW]  # no clock was wrong
    ended = [each.began for each in known if each.state in ("done", "failed")]
    if at <= max([first_backup if first_backup <= now + SKEW else 0.0, *ended]):
        return None
    return None if any(now - each.began < AGAIN for each in known) else at


def is_drilled(home: Home) -> bool:
    """Whether the stack of this home was made by a drill: it is not drilled itself."""
    return (home.root.parent / OWNER).exists()


def outcome(said: Said) -> str:
    """How the drill ended, in one sentence."""
    for line in reversed(said.out.splitlines()):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and told.get("event") == "outcome":
            return "; ".join(f"{each['sentence']} ({each['file']})" for each in told["drills"]) or said.last
        if isinstance(told, dict) and told.get("event") == "refused":
            return str(told["message"])
    return said.last
