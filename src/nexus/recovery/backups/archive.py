"""Folders as a tar, cut into pieces that are sealed one by one; and back into folders."""

from __future__ import annotations

import asyncio
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from nexus.recovery import layout
from nexus.recovery.backups.manifest import Stored
from nexus.recovery.errors import Damaged, RecoveryFailed
from nexus.recovery.repository import Repository

SKIPPED = {"__pycache__", "node_modules"}

Member = tuple[Path, str]  # a file, and its name in the archive
Naming = Callable[[int, int], str]  # the key of piece n, from 1, of so many
Skip = Callable[[Path], bool]


def members(root: Path, under: str, skip: Skip = lambda _: False) -> Iterator[Member]:
    """All of a folder that is a folder, a file or a link within it, in a steady order; `under`: the name that
    stands before theirs. Sockets and the like are passed over.
    """
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not skip(here / f))
        for path in (here, *(here / name for name in sorted(names))):
            if not skip(path) and (path.is_dir() or path.is_file()) and _within(path, root):
                yield path, (Path(under) / path.relative_to(root)).as_posix()


def write(file: Path, content: Iterable[Member]) -> int:
    """Writes a tar that only we can read; returns how many bytes it has. What vanishes meanwhile is left out.

    Raises:
        RecoveryFailed: a file cannot be read.
    """
    handle = os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    with handle, tarfile.open(fileobj=handle, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, name in content:
            try:
                tar.add(path, name, recursive=False, filter=_anonymous)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise RecoveryFailed(f"{path} cannot be read for the backup: {error.strerror}") from error
    return file.stat().st_size


async def store(repository: Repository, file: Path, key: Naming) -> tuple[Stored, ...]:
    """Stores a file in pieces; `key` names the number of each, from 1, of so many.

    Raises:
        PlaceError: it cannot be stored.
    """
    count = max(1, -(-file.stat().st_size // layout.PART_BYTES))
    with file.open("rb") as handle:
        return tuple(
            [
                await repository.put(
                    key(number, count), await asyncio.to_thread(handle.read, layout.PART_BYTES)
                )
                for number in range(1, count + 1)
            ]
        )


async def unpack(repository: Repository, pieces: Sequence[Stored], to: Path, work: Path) -> None:
    """Puts what pieces hold into a folder; what is there of the same name is replaced.

    Raises:
        Missing, Damaged, WrongKey, PlaceError: a piece cannot be read.
    """
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = work / "archive.tar"
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
            for piece in pieces:
                await asyncio.to_thread(handle.write, await repository.read(piece.key))
        to.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(_extract, file, to)
    except tarfile.TarError as error:
        raise Damaged(f"{pieces[0].key} does not hold what it should: {error}") from error
    finally:
        file.unlink(missing_ok=True)


def _extract(file: Path, to: Path) -> None:
    """All of it ours, nothing outside the folder, no devices: as Python's `data` filter, which not every 3.11
    has.
    """
    with tarfile.open(file) as tar:
        for member in tar:
            if not _stays_within(member, to):
                raise tarfile.ExtractError(f"{member.name} leads out of the folder, or is no file")
            if not member.issym():
                member.mode &= 0o755
            member.uid, member.gid = os.geteuid(), os.getegid()
            tar.extract(member, to, set_attrs=not member.issym())


def _stays_within(member: tarfile.TarInfo, to: Path) -> bool:
    if not (member.isfile() or member.isdir() or member.issym()):
        return False
    place = to / member.name
    leads_to = place.parent / member.linkname if member.issym() else place
    folder = place if member.isdir() else place.parent
    return all(each.resolve().is_relative_to(to.resolve()) for each in (folder, leads_to))


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whose a file is depends on the machine; the next start gives each service its own."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _within(path: Path, root: Path) -> bool:
    """Whether it is no link, or one that leads to something in the same folder."""
    if not path.is_symlink():
        return True
    target = Path(os.readlink(path))
    return not target.is_absolute() and path.resolve().is_relative_to(root.resolve())
