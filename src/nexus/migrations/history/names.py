"""What the record is called in SQL."""

from __future__ import annotations

from nexus.migrations.migration import Source

TABLE = "_prisma_migrations"


def table_of(source: Source) -> str:
    """The table of a module, qualified and quoted for SQL."""
    return f"{quoted(source.schema)}.{TABLE}"


def quoted(name: str) -> str:
    """A name as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'
