"""What tells one state of a tool's folder from another: the tool's command and all files it may read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Source

_COMPILED = "__pycache__"


def digest_of(source: Source) -> str:
    """SHA-256 of the command, and of the names and contents of the folder's files, in hexadecimal.

    Raises:
        MigrationUnreadable: the folder is not there, or a file cannot be read.
    """
    if not source.folder.is_dir():
        raise MigrationUnreadable(
            f"{source.folder}: there is no such folder; create it or correct database.migrations.path"
        )
    found = hashlib.sha256("\0".join(source.command).encode())
    for file in sorted(source.folder.rglob("*")):
        if file.is_file() and _COMPILED not in file.parts:
            _add(found, file, file.relative_to(source.folder).as_posix())
    return found.hexdigest()


def name_of(digest: str) -> str:
    """What a run of the tool is called among migrations."""
    return f"command-{digest[:12]}"


def _add(found: hashlib._Hash, file: Path, name: str) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise MigrationUnreadable(f"{file}: {error.strerror}") from None
    found.update(f"\0{name}\0{len(content)}\0".encode())
    found.update(content)
