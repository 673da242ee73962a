"""Migrations as files, in the formats that teams have: Prisma's folders, plain SQL, a command's own.

read(source)          the migrations of a module, in the order in which they are applied
order_of(format)      the sort key of names in a format
"""

from nexus.migrations.migration import Migration, Source
from nexus.migrations.reading.order import order_of
from nexus.migrations.reading.prisma import read_folder
from nexus.migrations.reading.sql_files import read_files


def read(source: Source) -> tuple[Migration, ...]:
    """The migrations of a module, in the order in which they are applied; none for the format "command".

    Raises:
        MigrationUnreadable: the folder or a file in it cannot be read; `code` as Prisma has it.
    """
    if source.format == "command":
        return ()
    return read_files(source.folder) if source.format == "sql" else read_folder(source.folder)


__all__ = ["order_of", "read", "read_folder"]
