"""Whether a backup is what was stored, in every place, byte by byte; and, deep, whether a restore can use it.

Shallow: each file's size and SHA-256 in every place, and whether the WAL is all there. Deep: the backup is
unsealed and unpacked as for a restore, PostgreSQL's own list of files and the WAL within are checked
(pg_verifybackup), and every segment of WAL from then on is opened.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.postgres import programs
from nexus.postgres.errors import ServerFailed
from nexus.recovery import layout, lsn
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.backups.verdict import Copy, Fault, Verdict, Wal
from nexus.recovery.errors import (
    Damaged,
    Missing,
    NoRoom,
    PlaceError,
    RecoveryError,
    WrongKey,
    WrongVersion,
)
from nexus.recovery.places import Place
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import sealers
from nexus.recovery.streaming.coverage import Span, coverage
from nexus.runtimes.process import accounts

AT_ONCE = 2  # files of one place
WALKABLE = 0o711  # PostgreSQL's user can walk through, and not list


async def verify(
    repository: Repository, backup: str, deep: bool = False, say: Say = unsaid, reserve: int = 0
) -> Verdict:
    """Verifies a backup. What is wrong is in the verdict; only what keeps it from being read at all raises.

    `deep` needs as much room below the repository's scratch folder as the backup has files, and leaves
    `reserve` bytes free.

    Raises:
        Missing, Damaged, WrongKey, PlaceError: the backup's manifest can be read from no place.
        NoRoom: there is no room to unpack it.
    """
    began = time.monotonic()
    manifest = await repository.backup(backup)
    copies = await asyncio.gather(*(_copy(repository, place, manifest) for place in repository.places))
    spans = await coverage(repository, manifest.segment)
    wal = _wal(manifest, spans)
    faults: tuple[Fault, ...] = ()
    read = sum(manifest.size for copy in copies if copy.state in ("whole", "damaged"))
    if deep:
        faults = await _proven(repository, manifest, say, reserve)
        opened, count = await _opened(repository, manifest, wal)
        wal = Wal(wal.consistent, wal.until, wal.holes, opened)
        read += manifest.size + count
    return Verdict(backup, deep, tuple(copies), wal, faults, read, time.monotonic() - began)


async def _copy(repository: Repository, place: Place, manifest: BackupManifest) -> Copy:
    """A backup in one place: its manifest is opened, everything else compared with what that says."""
    try:
        there = {entry.key: entry.bytes for entry in await place.entries(layout.folder(manifest.id))}
        key = layout.manifest(manifest.id)
        if key not in there:
            return Copy(place.name, "absent", (Fault(key, f"backup {manifest.id} is not there (yet)"),))
        if any(each.key.startswith(layout.ARTEFACTS) for each in manifest.home):
            there |= {entry.key: entry.bytes for entry in await place.entries(layout.ARTEFACTS)}
        turns = asyncio.Semaphore(AT_ONCE)
        checks = [_check(repository, place, each, there, turns) for each in manifest.stored]
        found = await asyncio.gather(_manifest(repository, place, key), *checks)
        faults = tuple(fault for fault in found if fault is not None)
        return Copy(place.name, "damaged" if faults else "whole", faults)
    except PlaceError as error:
        return Copy(place.name, "unreachable", (Fault("", str(error)),))


async def _manifest(repository: Repository, place: Place, key: str) -> Fault | None:
    try:
        BackupManifest.read(await repository.read_from(place, key))
    except (Damaged, WrongKey, WrongVersion) as error:
        return Fault(key, str(error))
    return None


async def _check(
    repository: Repository, place: Place, stored: Stored, there: dict[str, int], turns: asyncio.Semaphore
) -> Fault | None:
    size = there.get(stored.key)
    if size is None:
        return Fault(stored.key, f"{stored.key} is missing")
    if size != stored.bytes:
        return Fault(stored.key, f"{stored.key} has {size} bytes instead of {stored.bytes}")
    async with turns:
        with repository.file() as file:
            try:
                await place.get(stored.key, file)
            except Missing:
                return Fault(stored.key, f"{stored.key} is missing")
            digest = await asyncio.to_thread(_digest, file)
    if digest != stored.sha256:
        return Fault(stored.key, f"{stored.key} does not hold what was stored (SHA-256)")
    return None


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
    repository: Repository, manifest: BackupManifest, say: Say, reserve: int
) -> tuple[Fault, ...]:
    """The backup, unpacked as for a restore into a folder that goes away again."""
    from nexus.recovery.restoring.unpack import Unpacking  # which knows what a backup is

    account = programs.postgres_account()
    faults: list[Fault] = []
    repository.scratch.mkdir(parents=True, exist_ok=True)
    repository.scratch.chmod(WALKABLE if account else 0o700)
    free = shutil.disk_usage(repository.scratch).free
    if free - manifest.plain < reserve:
        raise NoRoom(
            f"{repository.scratch}: {free / 1e9:.1f} GB are free, and unpacking {manifest.id} takes "
            f"{manifest.plain / 1e9:.1f} GB and leaves {reserve / 1e9:.1f} GB; make room, or leave out --deep"
        )
    with tempfile.TemporaryDirectory(dir=repository.scratch) as made:
        place = accounts.private_folder(Path(made), account)
        say(Sentence("backup {name} is unpacked", name=manifest.id))
        try:
            async with sealers(repository.keys) as workers:
                unpacking = Unpacking(repository, workers, account, lambda _: None, lambda *_: None)
                await unpacking.unpack(manifest, place / "data")
            say(Sentence("every file of backup {name} is compared with PostgreSQL's list", name=manifest.id))
            await programs.Programs(place, account).run("pg_verifybackup", "--quiet", str(place / "data"))
            for piece in (manifest.files, *manifest.home):
                await repository.read(piece.key)
        except NoRoom:
            raise
        except ServerFailed as error:
            faults.append(Fault("", f"backup {manifest.id} does not hold what was backed up: {error}"))
        except RecoveryError as error:
            faults.append(Fault("", str(error)))
    return tuple(faults)


async def _opened(
    repository: Repository, manifest: BackupManifest, wal: Wal
) -> tuple[tuple[Fault, ...], int]:
    """Opens every piece of WAL from the backup's start to the end that was found, in every place that has it;
    returns what cannot be opened, and how many bytes were read.
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
        except PlaceError:  # the backup's own copy there says so already
            continue
    return tuple(faults), count


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
