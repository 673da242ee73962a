"""Carry out the planned files: all of them, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from nexus.adoption.notes import AdoptionError
from nexus.adoption.planning import FileStep


def write_files(steps: Sequence[FileStep], folder: Path) -> None:
    """Write every file, or leave everything as it was and raise AdoptionError.

    A folder that does not exist yet appears at once and complete.
    """
    todo = [step for step in steps if step.action != "keep"]
    undo: list[Callable[[], object]] = []
    try:
        if not folder.exists():
            _whole(todo, folder, undo)
        elif todo:
            _one_by_one(todo, folder, undo)
    except OSError as error:
        for action in reversed(undo):
            action()
        where, reason = error.filename or folder, error.strerror
        raise AdoptionError(
            "{where} cannot be written ({reason}); nothing was changed", where=where, reason=reason
        ) from error


def _whole(todo: Sequence[FileStep], folder: Path, undo: list[Callable[[], object]]) -> None:
    _make_folder(folder.parent, undo)
    staged = Path(tempfile.mkdtemp(prefix=".nexus-adopt-", dir=folder.parent))
    undo.append(lambda: shutil.rmtree(staged))
    _stage(todo, staged)
    staged.chmod(0o755)
    staged.rename(folder)


def _one_by_one(todo: Sequence[FileStep], folder: Path, undo: list[Callable[[], object]]) -> None:
    """Write new files beside the old ones first, so that a full disk is met before anything is moved."""
    staged = Path(tempfile.mkdtemp(prefix=".nexus-adopt-", dir=folder))
    undo.append(lambda: shutil.rmtree(staged))
    new, old = staged / "new", staged / "old"
    _stage(todo, new)
    for step in todo:
        target = folder / step.file
        if target.exists():
            _move(target, old / step.file, undo)
        if step.text is not None:
            _move(new / step.file, target, undo)
    shutil.rmtree(staged)
    for step in todo:
        if step.action == "remove":
            _prune((folder / step.file).parent, folder)


def _prune(empty: Path, folder: Path) -> None:
    """Remove a folder that holds nothing any more, and those above it, below `folder`/modules."""
    while empty != folder / "modules" and empty != folder and not any(empty.iterdir()):
        empty.rmdir()
        empty = empty.parent


def _stage(todo: Sequence[FileStep], root: Path) -> None:
    for step in todo:
        if step.text is not None:
            file = root / step.file
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", encoding="utf-8") as stream:
                stream.write(step.text)
                stream.flush()
                os.fsync(stream.fileno())


def _move(source: Path, target: Path, undo: list[Callable[[], object]]) -> None:
    _make_folder(target.parent, undo)
    source.rename(target)
    undo.append(lambda: target.rename(source))


def _make_folder(folder: Path, undo: list[Callable[[], object]]) -> None:
    """Create a folder and those above it; what was created is removed again by undoing."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        undo.append(each.rmdir)
