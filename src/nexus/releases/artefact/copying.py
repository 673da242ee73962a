"""Copies that nobody writes to: made beside their place, written through to the disk, moved there whole."""

from __future__ import annotations

import compileall
import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nexus.releases.artefact.layout import DRAFT
from nexus.stack.digest import counted_files

FOLDER_MODE = 0o755  # the services' own users read, only we write


def place_whole(target: Path, fill: Callable[[Path], None]) -> None:
    """Makes the folder `target` with what `fill` writes into it; one that is there is replaced.

    Killed at any moment it leaves what was there, the whole new folder, or none: a folder cannot take the
    place of another in one step. Of two at once, one whole folder stays.
    """
    replaces = target.exists()
    _open_folder(target.parent)
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=target.parent))
    former = draft.with_name(f"{draft.name}-former")
    try:
        fill(draft)
        _write_through(draft)
        if replaces:
            with suppress(FileNotFoundError):  # another made room already
                target.rename(former)
        _move(draft, target)
        _sync(target.parent)
    finally:
        for left in (draft, former):
            shutil.rmtree(left, ignore_errors=True)


def _move(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # else another was first
            raise


def copy_counted(source: Path, target: Path) -> None:
    """Copies those files of `source` (a file or a folder) that make a release.

    With the bytecode of those in Python: the services may not write it.
    """
    for file in counted_files(source):
        copy = target / file.relative_to(source) if file != source else target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(file.stat().st_mode & 0o777)
    if target.is_dir():
        compileall.compile_dir(target, quiet=2)


def _write_through(root: Path) -> None:
    """Lets everybody read what is in a folder, and sees to it that a power cut leaves it whole."""
    for folder, _, files in os.walk(root):
        for path in (Path(folder, name) for name in files):
            path.chmod(0o555 if path.stat().st_mode & 0o100 else 0o444)
            _sync(path)
        os.chmod(folder, FOLDER_MODE)
        _sync(Path(folder))


def _open_folder(folder: Path) -> None:
    """A folder, and those above it that are missing, which everybody may walk through."""
    if not folder.exists():
        _open_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(FOLDER_MODE)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
