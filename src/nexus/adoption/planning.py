"""The files to write, against what lies in the folder already."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.adoption.adopting import BRICK_FILE, LOCK_FILE, STACK_FILE
from nexus.adoption.notes import AdoptionError
from nexus.adoption.rendering import untouched

Action = Literal["create", "replace", "keep", "remove"]


@dataclass(frozen=True)
class FileStep:
    """What happens to one file. `text` is None when it is removed."""

    file: str
    action: Action
    text: str | None


def plan_files(files: Mapping[str, str], folder: Path) -> tuple[FileStep, ...]:
    """Compare the files with the folder.

    Only what an earlier adoption wrote and nobody changed is replaced or removed. Raises AdoptionError when
    anything else is in the way.
    """
    nearest = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
    if not os.path.isdir(nearest):
        raise AdoptionError("{folder} is not a folder; name another one with -o", folder=nearest)
    steps, changed = [], []
    for file, text in files.items():
        there = _text(folder / file)
        if there is None:
            steps.append(FileStep(file, "create", text))
        elif there == text:
            steps.append(FileStep(file, "keep", text))
        elif untouched(there):
            steps.append(FileStep(file, "replace", text))
        else:
            changed.append(file)
    if changed:
        raise AdoptionError(
            "{folder} holds files that `nexus adopt` did not write, or that were changed since: {files}; "
            "move them away, or name another folder with -o",
            folder=folder,
            files=", ".join(changed),
        )
    return (*steps, *_left(files, folder))


def _left(files: Mapping[str, str], folder: Path) -> list[FileStep]:
    """Return the removal of manifests whose service is gone."""
    there = [
        folder / STACK_FILE,
        *(each for file in (BRICK_FILE, LOCK_FILE) for each in sorted(folder.glob(f"modules/*/{file}"))),
    ]
    gone = [
        each for each in there if os.path.isfile(each) and each.relative_to(folder).as_posix() not in files
    ]
    return [
        FileStep(each.relative_to(folder).as_posix(), "remove", None)
        for each in gone
        if untouched(_text(each) or "")
    ]


def _text(path: Path) -> str | None:
    """Return a file's text, None when it does not exist."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return ""
    except OSError as error:
        raise AdoptionError(
            "{file} cannot be read ({reason}); mend its rights", file=path, reason=error.strerror
        ) from error
