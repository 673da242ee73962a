"""One file as a migration."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Migration, sha256
from nexus.migrations.reading.psql import refuse_psql
from nexus.migrations.reading.text import text_of

LONGEST = 255  # characters of a name: migration_name is varchar(255)
_UNTOLD = ("Cc", "Cs")  # control characters, and bytes that are no UTF-8


def read_file(name: str, file: Path) -> Migration:
    """The migration `name` whose SQL is in `file`; the checksum is of the file's bytes.

    Raises:
        MigrationUnreadable: the name cannot be recorded, or the file is no SQL that PostgreSQL can be given.
        FileNotFoundError: there is no such file.
    """
    if len(name) > LONGEST:
        raise MigrationUnreadable(f"{file}: the name is longer than {LONGEST} characters; shorten it")
    if any(unicodedata.category(character) in _UNTOLD for character in name):
        raise MigrationUnreadable(f"{str(file)!r}: the name is no text in UTF-8; rename it")
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise MigrationUnreadable(f"{file}: {error.strerror}") from None
    sql = text_of(file, content)
    refuse_psql(str(file), sql)
    return Migration(name, sql, sha256(content), file)
