"""Migrations as files: `<timestamp>_<name>/migration.sql`, applied by name (Prisma's format)."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = "migration.sql"
LOCK_FILE = "migration_lock.toml"


class MigrationError(Exception):
    """A migration cannot be read or applied; the message names it and says how to mend it."""


@dataclass(frozen=True)
class Migration:
    """One migration: its name, its SQL, and the SHA-256 of the file's bytes."""

    name: str
    sql: str = field(repr=False)
    checksum: str

    def has_checksum(self, recorded: str) -> bool:
        """Whether `recorded` belongs to this script; a checkout may have changed its line endings."""
        if recorded == self.checksum:
            return True
        unix = self.sql.replace("\r\n", "\n")
        return recorded in (_sha256(unix.encode()), _sha256(unix.replace("\n", "\r\n").encode()))


def read_folder(folder: Path) -> tuple[Migration, ...]:
    """The migrations of `folder`, sorted by name. Raises `MigrationError` when the folder is malformed."""
    if not folder.is_dir():
        raise MigrationError(
            f"{folder}: there is no such folder; create it or correct database.migrations.path"
        )
    _check_lock_file(folder / LOCK_FILE)
    return tuple(
        _read(entry) for entry in sorted(folder.iterdir(), key=lambda path: path.name) if entry.is_dir()
    )


def _read(entry: Path) -> Migration:
    if len(entry.name) > 255:
        raise MigrationError(f"{entry}: the name is longer than 255 characters")
    try:
        content = (entry / SCRIPT).read_bytes()
        return Migration(entry.name, content.decode(), _sha256(content))
    except FileNotFoundError:
        raise MigrationError(f"{entry}: {SCRIPT} is missing; add it or delete the folder") from None
    except UnicodeDecodeError as error:
        raise MigrationError(f"{entry / SCRIPT}: not UTF-8 at byte {error.start}") from None
    except OSError as error:
        raise MigrationError(f"{entry / SCRIPT}: {error.strerror}") from None


def _check_lock_file(path: Path) -> None:
    if not path.exists():
        return
    try:
        provider = tomllib.loads(path.read_text()).get("provider")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MigrationError(f"{path}: {error}") from None
    if provider not in ("postgresql", "postgres"):
        raise MigrationError(f'{path}: provider is {provider!r}; only "postgresql" is supported')


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
