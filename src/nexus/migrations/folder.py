"""Migrations as files: `<timestamp>_<name>/migration.sql`, applied by name (Prisma's format)."""

from __future__ import annotations

import tomllib
from pathlib import Path

from nexus.migrations.errors import MigrationError
from nexus.migrations.migration import SCRIPT, Migration, sha256

LOCK_FILE = "migration_lock.toml"


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
        return Migration(entry.name, content.decode(), sha256(content), entry / SCRIPT)
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
