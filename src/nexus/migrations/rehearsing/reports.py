"""The reports of rehearsals that are kept: one JSON file each, in one folder of the stack's home."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from nexus.migrations.planning.planned import Rates
from nexus.migrations.rehearsing.report import Report

KEPT = 100
KINDS = ("scan", "rewrite", "index", "write")
log = logging.getLogger("nexus.migrations")


def keep(folder: Path, report: Report) -> Path:
    """Writes a report; readers see all of it or nothing. Only the latest are kept. Returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.id}.json"
    draft = folder / f".{report.id}.new"
    draft.write_text(json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n")
    draft.chmod(0o600)
    draft.replace(path)
    for old in sorted(folder.glob("*.json"), reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def latest(folder: Path, digest: str) -> Report | None:
    """The newest rehearsal of exactly the plan that `digest` tells, however it went; None without one."""
    return next((each for each in all_of(folder) if each.digest == digest), None)


def counted(folder: Path, digest: str) -> Report | None:
    """The newest that counts: one that failed, or one that left nothing out; None without one."""
    own = (each for each in all_of(folder) if each.digest == digest)
    return next((each for each in own if not (each.ok and each.lacking)), None)


def covering(folder: Path, steps: Sequence[tuple[str, str]]) -> Report | None:
    """The newest that counts of a plan that has all of these steps, in this order; None without one.

    Args:
        steps: the id and the checksum of each migration.
    """
    own = (each for each in all_of(folder) if _has(each, steps))
    return next((each for each in own if not (each.ok and each.lacking)), None)


def _has(report: Report, steps: Sequence[tuple[str, str]]) -> bool:
    rehearsed = iter(zip(report.migrations, report.checksums, strict=False))
    return all(step in rehearsed for step in steps)


def all_of(folder: Path) -> Iterator[Report]:
    """All that are kept, newest first; a file that is no report is passed over, and the log says so."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            yield Report.from_dict(json.loads(path.read_text()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s is no report of a rehearsal (%s); it is passed over", path, error)


def rates(folder: Path) -> Rates:
    """How fast this machine works: each kind of work as it was measured last, else the default."""
    found = Rates()
    for each in all_of(folder):
        if not each.rates.measured:
            continue
        unknown = [kind for kind in KINDS if getattr(found, kind) == getattr(Rates, kind)]
        told = {kind: getattr(each.rates, kind) for kind in unknown}
        found = replace(found, measured=True, **told)
    return found
