"""How the last drills ended: `HOME/recovery/drills.json`, by scenario."""

from __future__ import annotations

import fcntl
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nexus.recovery.drilling.report import NIGHTLY, Report
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts


@dataclass(frozen=True)
class Record:
    """One drill: `id` of its report, `ended` in seconds since the epoch; the others as `Report` has them."""

    id: str
    scenario: str
    ended: float
    ok: bool
    sentence: str
    place: str
    backup: str
    rto: float | None
    rpo: float | None


def last(home: Home, scenario: str | None = NIGHTLY) -> Record | None:
    """The last drill of a scenario (None: of any), whatever came of it; None where there was none."""
    found = all_of(home)
    if scenario is not None:
        return found.get(scenario)
    return max(found.values(), key=lambda each: each.ended, default=None)


def all_of(home: Home) -> dict[str, Record]:
    """The last drill of each scenario. A file that cannot be read counts as none: drills are overdue then."""
    try:
        told: dict[str, Any] = json.loads(_file(home).read_text())
        return {name: Record(**each) for name, each in told.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def note(home: Home, report: Report) -> Record:
    """Remembers how a drill ended."""
    record = Record(
        report.id,
        report.scenario,
        report.ended,
        report.ok,
        str(report.sentence),
        report.place,
        report.backup,
        report.rto,
        report.rpo,
    )
    path = _file(home)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = {**all_of(home), record.scenario: record}
        told = {name: asdict(each) for name, each in kept.items()}
        accounts.private_file(path, json.dumps(told, ensure_ascii=False, indent=1), None)
    return record


def _file(home: Home) -> Path:
    return home.root / "recovery" / "drills.json"
