"""The business's numbers at the place in the WAL at which a backup recorded its own."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from nexus.control.drilling.finding import Findings
from nexus.control.drilling.proofs import Clock
from nexus.control.secrets import DATABASE
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.totals import read_totals
from nexus.recovery.backups.totals_files import TotalsError
from nexus.recovery.drilling.comparing import compare, judged
from nexus.recovery.drilling.proving import COUNTED
from nexus.recovery.errors import RecoveryError
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.scratch import restored
from nexus.recovery.restoring.target import Target
from nexus.stack import Stack

CONNECT = 10.0  # seconds


async def count(
    backup: BackupManifest, repository: Repository, stack: Stack, place: Path, findings: Findings
) -> None:
    """Restores to exactly that place, counts anew, and finds what differs. `place`: a folder that is not
    there yet; `stack`: whose manifests say what is counted.
    """
    clock, totals = Clock(), backup.totals
    assert totals is not None
    findings.note(totals_lsn=totals.lsn)
    target = Target("lsn", name=totals.lsn, backup=backup.id, timeline=backup.timeline)
    try:
        choice = await choose(repository, target, zone=stack.recovery.schedule.zone)
        async with restored(choice, repository, place, findings.say) as (cluster, _):
            connection = await asyncpg.connect(cluster.url(DATABASE), timeout=CONNECT)
            try:
                found = await read_totals(connection, stack)
            finally:
                await connection.close(timeout=CONNECT)
    except (RecoveryError, TotalsError, OSError, asyncpg.PostgresError) as error:
        text = "the totals could not be counted: {why}"
        findings.add(clock.finding(COUNTED, "failed", text, why=error))
        return
    findings.totals = compare(totals.totals, found)
    findings.add(judged(findings.totals, totals.lsn, clock.seconds))
