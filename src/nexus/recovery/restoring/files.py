"""A chain of backups as the files of one cluster: unpacked, verified, put together."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from nexus.migrations.rehearsing.sentence import Say, Sentence
from nexus.postgres.errors import ServerFailed
from nexus.postgres.programs import Programs
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.errors import Damaged, RecoveryError
from nexus.recovery.places import Place
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choice import Choice
from nexus.recovery.restoring.incremental import put_over
from nexus.recovery.restoring.unpack import Unpacking
from nexus.recovery.sealing.sealers import NICE, sealers

TOLD_EVERY = 0.1  # of all


@dataclass
class Spent:
    """Seconds: `fetched` until all was written, `verified` beyond that."""

    fetched: float = 0.0
    verified: float = 0.0


async def lay_out(choice: Choice, repository: Repository, data: Path, tools: Programs, say: Say) -> Spent:
    """Makes `data`, which is not there yet, the files of the last backup of a chain. Each backup is verified
    file by file against PostgreSQL's own manifest of it (pg_verifybackup) while the next one is fetched.

    Raises:
        Damaged: something is intact in no place, or is not what was backed up; says what.
        Missing, PlaceError, WrongKey, NoRoom: as Unpacking.unpack raises them.
    """
    spent, told, began = Spent(), _Progress(choice.bytes, say), time.monotonic()
    proof: asyncio.Task[None] | None = None
    before: Path | None = None
    try:
        async with sealers(repository.keys, nice=NICE if tools.gentle else 0) as workers:
            unpacking = Unpacking(repository, workers, tools.account, told.more, told.fault)
            for number, backup in enumerate(choice.chain):
                folder = data.with_name(f"{data.name}.{number}") if number else data
                await unpacking.unpack(backup, folder)
                await _proven(proof, before, data, tools, say)
                before = folder
                proof = asyncio.create_task(verify(tools, backup, folder))
        spent.fetched = time.monotonic() - began
        await _proven(proof, before, data, tools, say)
    finally:
        if proof is not None:
            proof.cancel()
            await asyncio.gather(proof, return_exceptions=True)
    spent.verified = time.monotonic() - began - spent.fetched
    return spent


async def _proven(
    proof: asyncio.Task[None] | None, folder: Path | None, data: Path, tools: Programs, say: Say
) -> None:
    """Waits until a backup is verified; an incremental one is put over what is there."""
    if proof is None or folder is None:
        return
    await proof
    say(Sentence("every file was compared with PostgreSQL's list of them"))
    if folder != data:
        await asyncio.to_thread(put_over, folder, data, tools.account)
        await asyncio.to_thread(shutil.rmtree, folder)
        say(Sentence("an incremental backup was put over what it builds on"))


async def verify(tools: Programs, backup: BackupManifest, folder: Path) -> None:
    """Whether the files are those that were backed up: all there, none more, each with its checksum.

    Raises:
        Damaged: they are not; says which.
    """
    try:
        await tools.run("pg_verifybackup", "--no-parse-wal", "--quiet", str(folder))
    except ServerFailed as error:
        raise Damaged(f"backup {backup.id} does not hold what was backed up: {error}") from error


class _Progress:
    """Says how much is done, in tenths; and which copies were of no use."""

    def __init__(self, all: int, say: Say) -> None:
        self._all = max(1, all)
        self._say = say
        self._done = 0
        self._told = 0.0

    def more(self, bytes: int) -> None:
        self._done += bytes
        if self._done / self._all - self._told >= TOLD_EVERY:
            self._told = self._done / self._all
            done, all_ = round(self._done / 1e6), round(self._all / 1e6)
            self._say(Sentence("{done} of {all} MB of files are fetched", done=done, all=all_))

    def fault(self, place: Place, fault: RecoveryError) -> None:
        self._say(
            Sentence(
                "a copy is of no use, another is looked for: {place}: {why}", place=place.name, why=fault
            )
        )
