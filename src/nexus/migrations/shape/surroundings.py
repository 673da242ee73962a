"""What modules need around them in a shadow: which modules, which foreign schemas, which extensions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.errors import MigrationError
from nexus.migrations.migration import Source
from nexus.migrations.shape.compare import compare
from nexus.migrations.shape.difference import Step, in_order
from nexus.migrations.shape.read import read_shape
from nexus.migrations.shape.replay import Applied, applied
from nexus.migrations.shape.shadow import shadow
from nexus.migrations.shape.thing import Shape

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

CONNECT_S = 10.0
_MADE = "SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1)"
_EXTENSION = re.compile(r"\bcreate\s+extension\s+(?!if\s+not\s+exists)\"?([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Surroundings:
    """`modules`: those whose migrations are replayed. `unreadable`: module → why its folder cannot be read.
    `foreign`: the statements that make the schemas that are no migrations' matter, as they are.
    """

    modules: tuple[Applied, ...]
    unreadable: dict[str, MigrationError]
    foreign: tuple[Step, ...] = ()

    def shadow(self, url: str) -> AbstractAsyncContextManager[str]:
        """A shadow database for them."""
        texts = [each.sql for module in self.modules for each in module.migrations]
        making = {found for text in texts for found in _EXTENSION.findall(text)}
        return shadow(url, [each.source.schema for each in self.modules], making)


async def surroundings(
    living: Connection, sources: Sequence[Source], only: Collection[str] = ()
) -> Surroundings:
    """What is to be made in a shadow for the modules `only` (none: for all) and for what they name.

    Left out: schemas that are not made yet, and modules that nobody names.
    """
    made = {row["nspname"] for row in await living.fetch(_MADE, [each.schema for each in sources])}
    modules: dict[str, Applied] = {}
    unreadable: dict[str, MigrationError] = {}
    for each in sources:
        if each.schema not in made or each.format == "command":
            continue
        try:
            modules[each.module] = await applied(living, each)
        except MigrationError as error:
            unreadable[each.module] = error
    wanted = set(only) & modules.keys() or set(modules)
    ahead = list(wanted)
    while ahead:
        more = set(_named(modules[ahead.pop()], modules)) - wanted
        wanted |= more
        ahead += more
    foreign = [each.schema for each in sources if each.format == "command" and each.schema in made]
    copied = in_order(compare(Shape(), await read_shape(living, foreign))) if foreign else ()
    return Surroundings(
        tuple(each for module, each in modules.items() if module in wanted), unreadable, copied
    )


def _named(module: Applied, modules: dict[str, Applied]) -> Iterator[str]:
    """The modules that the scripts of one name: by their schema, or in a declaration."""
    text = "\n".join(each.sql for each in module.migrations)
    for other, each in modules.items():
        if re.search(rf"\b{re.escape(each.source.schema)}\b|\b{re.escape(other)}/", text):
            yield other


async def make_foreign(url: str, steps: Sequence[Step]) -> None:
    """Make what is no migrations' matter. What of it needs the modules' tables is left out: a migration that
    misses it says so.
    """
    connection = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL search_path = ''; SET LOCAL check_function_bodies = off")
            for each in steps:
                await _try(connection, each.sql)
    finally:
        await connection.close()


async def _try(connection: Connection, sql: str) -> bool:
    """Execute a statement; whether it was, and did not need what is not there."""
    try:
        async with connection.transaction():
            await connection.execute(sql)
    except (
        asyncpg.UndefinedTableError,
        asyncpg.UndefinedFunctionError,
        asyncpg.UndefinedObjectError,
        asyncpg.UndefinedColumnError,
        asyncpg.InvalidSchemaNameError,
    ):
        return False
    return True
