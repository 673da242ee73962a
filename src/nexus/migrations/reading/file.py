"""One file as a migration."""

from __future__ import annotations

from pathlib import Path

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Migration, sha256
from nexus.migrations.reading.psql import refuse_psql
from nexus.migrations.reading.text import text_of

LONGEST = 255  # characters of a name: migration_name is varchar(255)


def read_file(name: str, file: Path) -> Migration:
    """The migration `name` whose SQL is in `file`; the checksum is of the file's bytes.

    Raises:
        MigrationUnreadable: the name cannot be recorded, or the file is no SQL that PostgreSQL can be given.
        FileNotFoundError: there is no such file.
    """
    if len(name) > LONGEST:
        raise MigrationUnreadable(f"{file}: the name is longer than {LONGEST} characters; shorten it")
    if not name.isprintable():
        raise MigrationUnreadable(f"{str(file)!r}: the name holds what cannot be printed; rename it")
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise MigrationUnreadable(f"{file}: {error.strerror}") from None
    sql = text_of(file, content)
    refuse_psql(str(file), sql)
    return Migration(name, sql, sha256(content), file)
