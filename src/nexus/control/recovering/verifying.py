"""The nightly verification by itself: the newest backup, and deep one of the older ones, all in turn.

It runs in processes of its own, as if an operator had typed `nexus backup verify`: whatever becomes of them,
the control loop keeps the stack.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from nexus.control.recovering.facts import SKEW, RecoveryFacts
from nexus.control.recovering.runs import KEPT, Run, Runs
from nexus.control.recovering.timetable import last
from nexus.control.rehearsing.commands import Commands, Said
from nexus.recovery.backups.manifest import BackupManifest
from nexus.runtimes.home import Home
from nexus.stack.recovering import Schedule

log = logging.getLogger("nexus.control")

EVENT = "recovery.verify-failed"  # a name that stays: alerts hang on it
LIMIT_S = 6 * 3600.0
AGAIN = 3600.0  # seconds until one that was interrupted is begun again
INTERRUPTED = 130


class Verifying:
    """The nightly verifications of one stack, for its control loop. `look` is called now and then."""

    def __init__(self, home: Home, runs: Runs) -> None:
        self._home = home
        self._runs = runs
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether one is under way."""
        return self._task is not None

    def look(self, root: Path, facts: RecoveryFacts) -> None:
        """Begins the one that is due, if any. `root`: the folder of the stack's manifests."""
        if self.busy or not facts.backups:
            return
        at = due(facts.policy.schedule, facts.runs, facts.backups[0].ended, facts.now)
        if at is not None:
            newest, older = chosen(facts.backups, self._runs.latest("verify", count=KEPT))
            log.info("the nightly verification is due")
            self._task = asyncio.create_task(self._verify(root, at, newest, older), name="verification")
            self._task.add_done_callback(self._ended)

    async def interrupt(self) -> None:
        """Cuts short what is under way, and waits until it has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _verify(self, root: Path, at: float, newest: str, older: str | None) -> None:
        commands, arguments = Commands(self._home, root), ("--due", str(at), "--json")
        told(newest, await commands.run("backup", "verify", newest, *arguments, limit=LIMIT_S))
        if older is not None:
            told(older, await commands.run("backup", "verify", older, "--deep", *arguments, limit=LIMIT_S))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: %s: %s", EVENT, type(error).__name__, error, exc_info=error)


def due(schedule: Schedule, runs: Sequence[Run], first_backup: float, now: float) -> float | None:
    """Since when the nightly verification is due (seconds since the epoch); None: it is not. Pure.

    `first_backup`: when the oldest backup ended. What operators verify by hand does not stand for it.
    """
    found = last(schedule.verify, schedule.zone, datetime.fromtimestamp(now, UTC))
    if found is None:
        return None
    at = found.timestamp()
    known = [each for each in runs if each.what == "verify" and each.due is not None]
    known = [each for each in known if each.began <= now + SKEW]  # no clock was wrong
    ended = [each.began for each in known if each.state in ("done", "failed")]
    if at <= max([first_backup if first_backup <= now + SKEW else 0.0, *ended]):
        return None
    return None if any(now - each.began < AGAIN for each in known) else at


def chosen(backups: Sequence[BackupManifest], runs: Sequence[Run]) -> tuple[str, str | None]:
    """The newest backup, and of the older ones that which was not verified for the longest time. Pure.

    `backups`: oldest first, at least one; `runs`: all verifications that are remembered, newest first.
    """
    tried: dict[str, int] = {}
    for each in runs:
        tried.setdefault(each.backup, each.id)
    older = sorted(each.id for each in backups[:-1])
    return backups[-1].id, min(older, key=lambda name: tried.get(name, 0), default=None)


def told(backup: str, said: Said) -> None:
    """What came of one, in the log."""
    if said.code == 0:
        log.info("backup %s was verified", backup)
    elif said.code != INTERRUPTED:
        log.error("%s: %s: %s", EVENT, backup, why(said))


def why(said: Said) -> str:
    """What is wrong, in one line. Pure."""
    try:
        found = json.loads(said.out)
    except ValueError:
        return said.last
    return "; ".join(line for each in found["backups"] for line in each["said"]) or said.last
