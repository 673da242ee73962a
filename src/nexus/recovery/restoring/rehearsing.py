"""The latest backup as data for rehearsals of migrations: the living server is not asked for anything."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.migrations.rehearsing.sentence import Say, unsaid
from nexus.postgres import Cluster
from nexus.recovery.errors import RecoveryError
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choice import Choice, both
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.restore import recover
from nexus.recovery.restoring.scratch import serve
from nexus.recovery.restoring.target import Target


@dataclass(frozen=True)
class FromBackup:
    """A `Filling` (nexus.migrations.rehearsing.filling): what was chosen, restored."""

    choice: Choice
    repository: Repository
    say: Say = unsaid

    @property
    def bytes(self) -> int:
        """How large the copy will be."""
        return self.choice.bytes

    def describe(self) -> str:
        """Which way it is."""
        at = self.choice.at or self.choice.backup.ended
        return f"backup {self.choice.backup.id}, restored to {both(at, 'UTC')}"

    async def fill(self, cluster: Cluster) -> None:
        """Fills a furnished cluster and leaves it running. Raises RehearsalFailed."""
        shutil.rmtree(cluster.data)  # made for us, and empty
        try:
            await recover(self.choice, self.repository, cluster.data, cluster.folder, self.say, False, True)
            await serve(cluster)
        except RecoveryError as error:
            raise RehearsalFailed(str(error)) from error


async def from_latest(repository: Repository, say: Say = unsaid) -> FromBackup:
    """The latest state that backups and WAL lead to.

    Raises:
        RehearsalFailed: there is none; says why.
    """
    try:
        return FromBackup(await choose(repository, Target("latest")), repository, say)
    except RecoveryError as error:
        raise RehearsalFailed(str(error)) from error
