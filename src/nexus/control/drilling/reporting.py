"""A drill's report: signed, kept on this machine, sealed into the places, and remembered."""

from __future__ import annotations

import logging
from pathlib import Path

from nexus.control.recovering.desk import Desk
from nexus.recovery.drilling import records
from nexus.recovery.drilling.keeping import keep, seal
from nexus.recovery.drilling.report import Report
from nexus.recovery.drilling.signing import sign
from nexus.recovery.errors import RecoveryError

log = logging.getLogger("nexus.control")
EVENT = "recovery.drill-failed"  # a name that stays: alerts hang on it


async def publish(desk: Desk, report: Report) -> Path:
    """Returns the file of the report. That a place does not take it is logged, and makes no drill fail.

    Raises:
        WrongKey: the signing key cannot be read.
        OSError: the report cannot be written.
    """
    signed = sign(desk.home, report)
    file = keep(desk.home, signed)
    records.note(desk.home, report)
    if not report.ok:
        log.error("%s: %s: %s (%s)", EVENT, report.scenario, report.sentence, file)
    try:
        async with desk.repository() as repository:
            await seal(repository, signed)
    except RecoveryError as error:
        log.error("%s: the report could not be stored with the backups: %s", EVENT, error)
    return file
