"""A shape from PostgreSQL's catalogue."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from nexus.migrations.shape.catalogue import columns, needs, parts, relations, routines, schemas, types
from nexus.migrations.shape.catalogue.found import Found
from nexus.migrations.shape.thing import Shape

if TYPE_CHECKING:
    import asyncpg

# As pg_dump does, so that definitions are told the same whoever asks.
_SETTINGS = """
SET LOCAL search_path = ''; SET LOCAL datestyle = ISO; SET LOCAL intervalstyle = postgres;
SET LOCAL extra_float_digits = 3; SET LOCAL timezone = 'UTC'; SET LOCAL quote_all_identifiers = off;
SET LOCAL statement_timeout = 0;
"""


async def read_shape(connection: asyncpg.Connection[asyncpg.Record], names: Collection[str]) -> Shape:
    """The shape of the schemas `names`, as of one moment; `connection` is a superuser's, in no transaction.

    A dozen queries, however many tables there are. Prisma's `_prisma_migrations`, and what belongs to an
    extension, to a constraint or to an identity column, are not told for themselves. Not told at all:
    operators, casts, collations, text search, foreign tables, publications.
    """
    told, found = sorted(set(names)), Found()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_SETTINGS)
        await schemas.read(connection, told, found)
        await types.read(connection, told, found)
        await relations.read(connection, told, found)
        await columns.read(connection, told, found)
        await relations.read_sequences(connection, told, found)
        await parts.read(connection, told, found)
        await routines.read(connection, told, found)
        await types.read_arrays(connection, found)
        await needs.read(connection, found)
    return Shape(dict(sorted(found.things.items())))
