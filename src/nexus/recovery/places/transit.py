"""What is on its way from one place into another, in a folder that outlives a killed process."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from nexus.recovery.places.directory import Directory
from nexus.recovery.places.place import Place


class Transit:
    """In the folder `scratch`."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """For one file; it is gone after the block."""
        self.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix=f"mirror-{os.getpid()}-") as folder:
            yield Path(folder)

    def sweep(self) -> None:
        """Removes what processes that were killed left."""
        for folder in self.scratch.glob("mirror-*"):
            if not psutil.pid_exists(int(folder.name.split("-")[1])):
                shutil.rmtree(folder, ignore_errors=True)  # another mirror does the same


async def fetch(source: Place, key: str, file: Path) -> None:
    """To a path that is not there; a folder only lends it. Raises Missing, PlaceError."""
    if isinstance(source, Directory):
        await source.lend(key, file)
    else:
        await source.get(key, file)
