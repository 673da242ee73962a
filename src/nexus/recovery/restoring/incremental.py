"""An incremental backup's files put over those of the backup it builds on, in place.

The same as pg_combinebackup does (src/bin/pg_combinebackup/reconstruct.c), which writes every file in which
one block has changed anew: here only the blocks that changed are written, and one backup after the other is
put on, so that a long chain needs no more room than its full backup and its largest incremental one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from nexus.recovery.errors import Damaged
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import Account

PREFIX = "INCREMENTAL."
MAGIC = 0xD3AE1F0D  # src/include/backup/basebackup_incremental.h
BLOCK = 8192
LABEL = "backup_label"
FROM, TIMELINE, START = "INCREMENTAL FROM LSN: ", "INCREMENTAL FROM TLI: ", "START WAL LOCATION: "
_HEAD = struct.Struct("<III")


def put_over(backup: Path, data: Path, account: Account | None) -> None:
    """Makes `data` what `backup` was taken of, and uses its files up. Cut short, both are of no use any more.

    Raises:
        Damaged: it does not build on what is there; says how.
    """
    label = (backup / LABEL).read_text()
    _check(label, (data / LABEL).read_text())
    kept: set[Path] = set()
    for folder, name in _files(backup):
        there = data / folder
        if not there.is_dir():
            there.mkdir(mode=0o700, parents=True)
            accounts.give(there, account)
        file = backup / folder / name
        target = there / name.removeprefix(PREFIX)
        if name.startswith(PREFIX):
            _patch(file, target)
        else:
            file.replace(target)
        kept.add(target)
    folders = {data / folder.relative_to(backup) for folder in (each[0] for each in _walk(backup))}
    for folder in folders - {each[0] for each in _walk(data)}:  # one that is empty
        folder.mkdir(mode=0o700, parents=True)
        accounts.give(folder, account)
    _remove_others(data, kept, folders)
    lines = [line for line in label.splitlines() if not line.startswith((FROM, TIMELINE))]
    accounts.private_file(data / LABEL, "\n".join(lines) + "\n", account)


def _check(label: str, before: str) -> None:
    """Whether a backup builds on the one before, by what PostgreSQL wrote into their labels."""
    wanted = [line.removeprefix(FROM) for line in label.splitlines() if line.startswith(FROM)]
    start = [line.removeprefix(START).split()[0] for line in before.splitlines() if line.startswith(START)]
    if not wanted or wanted != start:
        raise Damaged(
            f"an incremental backup builds on one that began at {' '.join(wanted) or 'no place'}; the one "
            f"before it began at {' '.join(start)}"
        )


def _patch(file: Path, target: Path) -> None:
    """Writes the blocks that changed into a file, and gives it its length."""
    with file.open("rb") as source, memoryview(source.read()) as content:
        try:
            magic, count, length = _HEAD.unpack_from(content)
            numbers = struct.unpack_from(f"<{count}I", content, _HEAD.size)
        except struct.error as error:
            raise Damaged(f"{file.name} is cut short") from error
        head = _HEAD.size + 4 * count
        head += -head % BLOCK if count else 0  # its blocks are aligned
        if magic != MAGIC or len(content) != head + count * BLOCK:
            raise Damaged(
                f"{file.name} is no incremental file of PostgreSQL's, or its blocks are not of {BLOCK}"
            )
        try:
            handle = os.open(target, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise Damaged(f"{file.name} changes a file that the backup before does not have") from error
        try:
            os.ftruncate(handle, max((length, *(number + 1 for number in numbers))) * BLOCK)
            for first, last in _runs(numbers):
                with content[head + first * BLOCK : head + last * BLOCK] as blocks:
                    _write(handle, blocks, numbers[first] * BLOCK)
        finally:
            os.close(handle)
    file.unlink()


def _runs(numbers: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Ranges of indices whose numbers follow each other."""
    first = 0
    for index in range(1, len(numbers) + 1):
        if index == len(numbers) or numbers[index] != numbers[index - 1] + 1:
            yield first, index
            first = index


def _write(handle: int, blocks: memoryview, at: int) -> None:
    done = 0
    while done < len(blocks):
        with blocks[done:] as rest:
            done += os.pwrite(handle, rest, at + done)


def _walk(top: Path) -> Iterator[tuple[Path, list[str]]]:
    for folder, _, names in os.walk(top):
        yield Path(folder), names


def _files(top: Path) -> list[tuple[Path, str]]:
    return [(folder.relative_to(top), name) for folder, names in _walk(top) for name in names]


def _remove_others(data: Path, kept: set[Path], folders: set[Path]) -> None:
    """What the later backup does not have was dropped meanwhile."""
    for folder, _, names in os.walk(data, topdown=False):
        here = Path(folder)
        for name in names:
            if here / name not in kept:
                (here / name).unlink()
        if here not in folders:
            here.rmdir()
