"""Whether the living schemas are what their migrations make."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import asyncpg

from nexus.migrations.migration import Source
from nexus.migrations.shape.compare import compare
from nexus.migrations.shape.difference import Difference
from nexus.migrations.shape.read import read_shape
from nexus.migrations.shape.replay import replay
from nexus.migrations.shape.surroundings import make_foreign, surroundings
from nexus.migrations.shape.thing import Key, Shape
from nexus.migrations.shape.uncovered import read_uncovered, told_apart

CONNECT_S = 10.0
_BEHIND = 1_000_000_000  # the order of statements that come behind all others


class Drift(dict[str, tuple[Difference, ...]]):
    """What tells the schemas of modules apart, by module. `unknown`: the modules of which it cannot be said,
    each with the reason. A module whose schema is not made yet is in neither.
    """

    def __init__(self, found: Mapping[str, tuple[Difference, ...]], unknown: Mapping[str, str]) -> None:
        super().__init__(found)
        self.unknown = dict(unknown)


async def drift(url: str, sources: Sequence[Source], only: Collection[str] = ()) -> Drift:
    """What tells the schemas of modules from what their applied migrations make, by module.

    The migrations that are applied, as they were applied, are applied to a shadow database in their order.
    `in_order` of the differences of one or all modules makes the living schemas so again. `url`: a
    superuser's, of the living database. `sources`: of all modules, so that what depends on another can be
    applied; those of the format "command" tell nothing, their schemas are taken as they are. `only`: the
    modules to look at (none: all).

    Of operators, casts, collations, conversions, text search objects and foreign tables is compared whether
    they are there; what belongs to no schema (publications, foreign servers, event triggers) is left out.

    Raises:
        MigrationError: of none of the modules can it be said: a script's text is not known, or cannot be
            applied to an empty database.
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    living = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        around = await surroundings(living, sources, only)
        schemas = {each.source.schema: each.source.module for each in around.modules}
        have, others = await _shape(living, schemas)
    finally:
        await living.close()
    async with around.shadow(url) as beside:
        await make_foreign(beside, around.foreign)
        failed = {**around.unreadable, **await replay(beside, around.modules)}
        connection = await asyncpg.connect(beside, timeout=CONNECT_S)
        try:
            want, wanted = await _shape(connection, schemas)
        finally:
            await connection.close()
    asked = {each for each in schemas.values() if not only or each in only}
    known = {schema: module for schema, module in schemas.items() if module not in failed}
    failed = {module: error for module, error in failed.items() if not only or module in only}
    if failed and not asked - failed.keys():
        raise next(iter(failed.values()))
    told = (
        *compare(_of(have, known), _of(want, known)),
        *told_apart(others, wanted, known, _BEHIND),
    )
    found: dict[str, list[Difference]] = {each: [] for each in known.values() if each in asked}
    for each in told:
        if schemas[each.key.schema] in found:
            found[schemas[each.key.schema]].append(each)
    return Drift(
        {module: tuple(each) for module, each in found.items()},
        {module: str(error) for module, error in failed.items()},
    )


async def _shape(
    connection: asyncpg.Connection[asyncpg.Record], schemas: Collection[str]
) -> tuple[Shape, frozenset[Key]]:
    return await read_shape(connection, schemas), await read_uncovered(connection)


def _of(shape: Shape, schemas: Collection[str]) -> Shape:
    return Shape({key: thing for key, thing in shape.things.items() if key.schema in schemas})
