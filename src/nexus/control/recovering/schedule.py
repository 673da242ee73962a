"""Which backup is due now, and which when next: what `nexus.yaml` says beside what there is.

A run that was missed while nothing ran is made up for once. A failed one is tried again, ever more seldom.
What is from a time still to come, since a clock was wrong, is as if it were not there: its age is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from nexus.control.recovering.facts import SKEW, ahead
from nexus.control.recovering.runs import Run
from nexus.control.recovering.timetable import last, next_
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.layout import Kind
from nexus.stack.recovering import Schedule

SECOND_THOUGHTS = 3600.0  # seconds; who restores may restore again, and a new backup lets older ones go
FIRST_RETRY, LONGEST_RETRY = 60.0, 3600.0
Job = Literal["full", "incremental", "drill", "verify"]
JOBS: tuple[Job, ...] = ("full", "incremental", "drill", "verify")


@dataclass(frozen=True)
class Due:
    """A backup that is to be taken now. `at`: since when, in seconds since the epoch; `why` in words."""

    kind: Kind
    at: float
    why: str


def due(
    schedule: Schedule,
    backups: Sequence[BackupManifest],
    runs: Sequence[Run],
    gap: str,
    now: float,
    kit: float | None = None,
    restored: float | None = None,
) -> Due | None:
    """The backup that is due, if any. `backups`: those of the present cluster, oldest first; `runs`: the
    newest of backups, newest first; `gap`: why the stream asks for a full one; `kit`: when the recovery kit
    was made; `restored`: when the data were last restored in their place. Pure.
    """
    found = _due(schedule, backups, gap, now, kit, restored)
    return None if found is None or now < _again(runs, now) else found


def coming(schedule: Schedule, now: float) -> dict[Job, float | None]:
    """When each job is due next, in seconds since the epoch; None: never again. Pure."""
    moment = datetime.fromtimestamp(now, UTC)
    found = {job: next_(getattr(schedule, job), schedule.zone, moment) for job in JOBS}
    return {job: each.timestamp() if each else None for job, each in found.items()}


def _due(
    schedule: Schedule,
    backups: Sequence[BackupManifest],
    gap: str,
    now: float,
    kit: float | None,
    restored: float | None,
) -> Due | None:
    if not backups:
        return Due("full", now, "there is no backup yet")
    if gap:
        return Due("full", now, f"the stream has a gap: {gap}")
    moment = datetime.fromtimestamp(now, UTC)
    dated = [each for each in backups if not ahead(each, now)]
    full = max((each.began for each in dated if each.kind == "full"), default=0.0)
    newest = max((each.began for each in dated), default=0.0)
    if kit is not None and full < kit <= now + SKEW:
        return Due("full", now, "the recovery kit opens no full backup yet")
    if restored is not None and newest < restored < now - SECOND_THOUGHTS:
        return Due("full", now, "nothing was backed up since the data were restored")
    kinds: tuple[tuple[Kind, float], ...] = (("full", full), ("incremental", newest))
    for kind, began in kinds:
        wanted = last(getattr(schedule, kind), schedule.zone, moment)
        if wanted is not None and wanted.timestamp() > began:
            return Due(kind, wanted.timestamp(), "the schedule wants it")
    return None


def _again(runs: Sequence[Run], now: float) -> float:
    """Not before this time, after so many failures in a row; in seconds since the epoch."""
    failures = 0
    for run in runs:
        if run.state == "done":
            break
        failures += run.state == "failed"
    if not failures:
        return 0.0
    ended = runs[0].ended or runs[0].began
    return 0.0 if ended > now + SKEW else ended + min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** (failures - 1))
