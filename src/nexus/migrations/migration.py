"""One migration, and where a module keeps its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Format = Literal["prisma", "sql", "command"]
SCRIPT = "migration.sql"
_NOWHERE = (Path(), Path(SCRIPT))


@dataclass(frozen=True)
class Migration:
    """One migration: its name, its SQL, the SHA-256 of its bytes. `file`: where it was read from."""

    name: str
    sql: str = field(repr=False)
    checksum: str
    file: Path = Path()

    @property
    def place(self) -> str:
        """What messages call its file."""
        return f"{self.name}/{SCRIPT}" if self.file in _NOWHERE else str(self.file)

    def has_checksum(self, recorded: str) -> bool:
        """Whether `recorded` belongs to this script; a checkout may have changed its line endings, an editor
        its byte order mark.
        """
        if recorded == self.checksum:
            return True
        unix = self.sql.replace("\r\n", "\n")
        scripts = (self.sql, unix, unix.replace("\n", "\r\n"))
        return any(_is_of(recorded, mark + script) for script in scripts for mark in ("", "\ufeff"))


@dataclass(frozen=True)
class Source:
    """Where a module's migrations are, and whose they are.

    `module` owns `schema`; its migrations run as `owner`, who cannot log in; the module logs in as `role`.
    `command` (of the format "command" only) brings the schema up to date by itself.
    """

    module: str
    schema: str
    owner: str
    role: str
    folder: Path
    format: Format = "prisma"
    command: tuple[str, ...] = ()


def sha256(content: bytes) -> str:
    """The checksum that Prisma records: lowercase hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def _is_of(recorded: str, script: str) -> bool:
    digest = hashlib.sha256(script.encode()).digest()
    if len(recorded) == 64:
        return recorded == digest.hex()
    return recorded == "".join(f"{byte:x}" for byte in digest)  # as old versions of Prisma wrote it
