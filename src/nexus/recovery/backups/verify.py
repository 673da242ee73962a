"""Whether a backup is what was stored, in every place, byte by byte; and, deep, whether a restore can use it.

Shallow: each file's size and SHA-256 in every place, also of what it builds on, and whether the WAL is all
there. Deep: the backup is unsealed, unpacked and put together as for a restore, PostgreSQL's own list of its
files and the WAL within are checked (pg_verifybackup), and every segment of WAL from then on is opened.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.postgres import programs
from nexus.postgres.errors import ServerFailed
from nexus.recovery import layout, lsn
from nexus.recovery.backups.copies import Known, chain_of, check_chain
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.turn import reading
from nexus.recovery.backups.verdict import Fault, Verdict, Wal
from nexus.recovery.errors import (
    Damaged,
    Missing,
    NoRoom,
    PlaceError,
    RecoveryError,
    WrongKey,
)
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import Sealers, sealers
from nexus.recovery.streaming.coverage import Span, coverage
from nexus.runtimes.process import accounts

WALKABLE = 0o711  # PostgreSQL's user can walk through, and not list


async def verify(
    repository: Repository,
    backup: str,
    deep: bool = False,
    say: Say = unsaid,
    reserve: int = 0,
    known: Known | None = None,
) -> Verdict:
    """Verifies a backup, with all that it builds on. What is wrong is in the verdict; only what keeps it from
    being read at all raises. Nothing is pruned meanwhile.

    `deep` needs as much room below the repository's scratch folder as a restore does, and leaves `reserve`
    bytes free. `known`: what was found just now of other backups, which are not read again; all that is found
    is noted there.

    Raises:
        Missing, Damaged, WrongKey, PlaceError: the backup's manifest can be read from no place.
        NoRoom: there is no room to unpack it.
    """
    async with reading(repository.scratch.parent, f"verifying {backup}"):
        began, known = time.monotonic(), {} if known is None else known
        manifest = await repository.backup(backup)
        chain, faults = await chain_of(repository, manifest)
        checks = [check_chain(repository, place, chain, known) for place in repository.places]
        found = await asyncio.gather(*checks)
        wal = _wal(manifest, await coverage(repository, manifest.segment))
        read = sum(count for _, count in found)
        deep = deep and not faults
        if deep:
            faults = await _proven(repository, chain, say, reserve)
            away = {copy.place for copy, _ in found if copy.state == "unreachable"}
            opened, count = await _opened(repository, manifest, wal, away)
            wal = Wal(wal.consistent, wal.until, wal.holes, opened)
            read += sum(each.size for each in chain) + count
    copies = tuple(copy for copy, _ in found)
    return Verdict(backup, deep, copies, wal, faults, read, time.monotonic() - began)


def _wal(manifest: BackupManifest, spans: Sequence[Span]) -> Wal:
    """What the archive holds from the backup's start on. Pure."""
    start, end = lsn.parse(manifest.start_lsn), lsn.parse(manifest.end_lsn)
    own = [span for span in spans if span.timeline == manifest.timeline]
    found = next((span for span in own if span.holds(start, end)), None)
    if found is None:
        return Wal(False, manifest.start_lsn)
    later = [span for span in own if span.start_lsn > found.end_lsn]
    ends = [found.end_lsn, *(span.end_lsn for span in later)]
    holes = tuple(
        f"{lsn.text(before)} to {lsn.text(span.start_lsn)} on timeline {span.timeline}"
        for before, span in zip(ends, later, strict=False)
    )
    return Wal(True, lsn.text(found.end_lsn), holes)


async def _proven(
    repository: Repository, chain: Sequence[BackupManifest], say: Say, reserve: int
) -> tuple[Fault, ...]:
    """The backup, unpacked and put together as for a restore, into a folder that goes away again."""
    account = programs.postgres_account()
    repository.scratch.mkdir(parents=True, exist_ok=True)
    repository.scratch.chmod(WALKABLE if account else 0o700)
    backup, room = chain[-1], chain[0].plain + max((each.plain for each in chain[1:]), default=0)
    free = shutil.disk_usage(repository.scratch).free
    if free - room < reserve:
        raise NoRoom(
            f"{repository.scratch}: {free / 1e9:.1f} GB are free, and unpacking {backup.id} takes "
            f"{room / 1e9:.1f} GB and leaves {reserve / 1e9:.1f} GB; make room, or leave out --deep"
        )
    with tempfile.TemporaryDirectory(dir=repository.scratch) as made:
        place = accounts.private_folder(Path(made), account)
        try:
            async with sealers(repository.keys) as workers:
                await _put_together(repository, workers, chain, programs.Programs(place, account), say)
            for piece in (backup.files, *backup.home):
                await repository.read(piece.key)
        except NoRoom:
            raise
        except RecoveryError as error:
            return (Fault("", str(error)),)
    return ()


async def _put_together(
    repository: Repository,
    workers: Sealers,
    chain: Sequence[BackupManifest],
    tools: programs.Programs,
    say: Say,
) -> None:
    """Unpacks one backup after the other, compares it with PostgreSQL's list of its files, and puts it over
    those before.
    """
    from nexus.recovery.restoring.incremental import put_over  # which know what a backup is
    from nexus.recovery.restoring.unpack import Unpacking

    unpacking = Unpacking(repository, workers, tools.account, lambda _: None, lambda *_: None)
    data = tools.folder / "data"
    for each in chain:
        folder = data if each is chain[0] else tools.folder / "incremental"
        say(Sentence("backup {name} is unpacked", name=each.id))
        await unpacking.unpack(each, folder)
        say(Sentence("every file of backup {name} is compared with PostgreSQL's list", name=each.id))
        try:
            await tools.run("pg_verifybackup", "--quiet", str(folder))
        except ServerFailed as error:
            raise Damaged(f"backup {each.id} does not hold what was backed up: {error}") from error
        if folder != data:
            await asyncio.to_thread(put_over, folder, data, tools.account)
            await asyncio.to_thread(shutil.rmtree, folder)


async def _opened(
    repository: Repository, manifest: BackupManifest, wal: Wal, away: Collection[str]
) -> tuple[tuple[Fault, ...], int]:
    """Opens every piece of WAL from the backup's start to the end that was found, in every place that has it;
    returns what cannot be opened, and how many bytes were read. `away`: places that could not be asked
    before, which is told already.
    """
    first = lsn.segment(manifest.timeline, lsn.parse(manifest.start_lsn), manifest.segment)
    last = lsn.segment(manifest.timeline, max(0, lsn.parse(wal.until) - 1), manifest.segment)
    faults: list[Fault] = []
    count = 0
    for place in repository.places:
        try:
            for entry in await place.entries(f"{layout.WAL}{manifest.timeline:08X}/"):
                name = entry.key.rpartition("/")[2].partition("+")[0]
                if first <= name <= last:
                    count += entry.bytes
                    try:
                        await repository.read_from(place, entry.key)
                    except Missing:  # a chunk whose segment has come meanwhile
                        continue
                    except (Damaged, WrongKey) as error:
                        faults.append(Fault(entry.key, f"{place.name}: {error}"))
        except PlaceError as error:
            if place.name not in away:
                said = f"{place.name}: the WAL there could not be read to its end: {error}"
                faults.append(Fault(layout.WAL, said))
    return tuple(faults), count
