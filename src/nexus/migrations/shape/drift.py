"""Whether the living schemas are what their migrations make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from nexus.migrations.migration import Source
from nexus.migrations.shape.compare import compare
from nexus.migrations.shape.difference import Difference
from nexus.migrations.shape.read import read_shape
from nexus.migrations.shape.replay import applied, replay
from nexus.migrations.shape.shadow import shadow
from nexus.migrations.shape.thing import Shape

CONNECT_S = 10.0


async def drift(url: str, sources: Sequence[Source]) -> Mapping[str, tuple[Difference, ...]]:
    """What tells the schemas of modules from what their applied migrations make, by module.

    The migrations that are applied, as they were applied, are applied to a shadow database in their order.
    `in_order` of the differences of one or all modules makes the living schemas so again. `url`: a
    superuser's, of the living database. `sources`: of all modules, so that what depends on another can be
    applied; those of the format "command" tell nothing and are left out.

    Raises:
        MigrationError: a script's text is not known, or cannot be applied to an empty database.
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    known = [each for each in sources if each.format != "command"]
    schemas = {each.schema: each.module for each in known}
    living = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        modules = [await applied(living, each) for each in known]
        have = await read_shape(living, schemas)
    finally:
        await living.close()
    async with shadow(url) as beside:
        await replay(beside, modules)
        want = await shape_at(beside, schemas)
    found: dict[str, list[Difference]] = {each.module: [] for each in known}
    for each in compare(have, want):
        found[schemas[each.key.schema]].append(each)
    return {module: tuple(told) for module, told in found.items()}


async def shape_at(url: str, schemas: Mapping[str, str]) -> Shape:
    """The shape of some schemas at an address."""
    connection = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        return await read_shape(connection, schemas)
    finally:
        await connection.close()
