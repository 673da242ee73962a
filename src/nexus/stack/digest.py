"""The release of a service: a digest of what it is made of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_SKIPPED_FOLDERS = {"__pycache__", "tests", "node_modules", "dist"}
_SKIPPED_SUFFIXES = (".pyc", ".pyo", ".md")


def content_digest(paths: Iterable[Path]) -> str:
    """Return 12 hexadecimal digits over the names and bytes of all files in `paths` (files or folders).

    Tests, caches, what is built (node_modules, dist), hidden files and Markdown do not count: changing them
    changes no behaviour.
    """
    total = hashlib.sha256()
    for root in paths:
        for file in counted_files(root):
            name = file.relative_to(root).as_posix() if file != root else root.name
            total.update(f"{root.name}/{name}\0".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:12]


def text_digest(text: str) -> str:
    """Return 12 hexadecimal digits over a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def counted_files(root: Path) -> Iterator[Path]:
    """Yield the files of a folder (or a file itself) that count, in a steady order."""
    if root.is_file():
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED_FOLDERS and not f.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith(_SKIPPED_SUFFIXES):
                yield Path(folder) / name
