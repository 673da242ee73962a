from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from nexus.migrations.migration import Source
from nexus.migrations.shape.tests.modules import bring_up, run

_counter = itertools.count(1)
MakeDatabase = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
def templates() -> dict[Any, str]:
    """What modules hold → the name of a database that they were brought up in."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def make_database(pg: Any, templates: dict[Any, str]) -> AsyncIterator[MakeDatabase]:
    """Makes databases and returns their addresses; they are dropped afterwards. Each is empty, or a copy of
    one in which these modules were brought up.
    """
    made: list[str] = []

    def address(name: str) -> str:
        return str(pg.dsn("postgres", name, pg.password))

    async def make(*sources: Source) -> str:
        held = _held(sources)
        if sources and held not in templates:
            template = f"shape_template_{next(_counter)}"
            await run(pg.admin_dsn, f"CREATE DATABASE {template}")
            await bring_up(address(template), *sources)
            templates[held] = template
        name = f"shape_{next(_counter)}"
        await run(pg.admin_dsn, f"CREATE DATABASE {name} TEMPLATE {templates.get(held, 'template1')}")
        made.append(name)
        return address(name)

    yield make
    for name in made:
        await run(pg.admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def _held(sources: tuple[Source, ...]) -> Any:
    """The names and scripts of modules, wherever their folders lie."""
    return tuple(
        (
            each.module,
            tuple(
                (path.relative_to(each.folder), path.read_text())
                for path in sorted(each.folder.rglob("*"))
                if path.is_file()
            ),
        )
        for each in sources
    )
