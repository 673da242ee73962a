"""What the record is called in SQL."""

from __future__ import annotations

from nexus.migrations.migration import Source
from nexus.migrations.quoting import identifier

TABLE = "_prisma_migrations"


def table_of(source: Source) -> str:
    """The table of a module, qualified and quoted for SQL."""
    return f"{identifier(source.schema)}.{TABLE}"
