"""Databases with modules in them, for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from nexus.migrations import owner_of, provision
from nexus.migrations.apply import apply
from nexus.migrations.migration import Source

ERP = Path(__file__).resolve().parents[5] / "modules"


def source_of(module: str, folder: Path) -> Source:
    return Source(module, module, owner_of(module), module, folder)


def erp() -> tuple[Source, ...]:
    """The six modules of the ERP that have a schema."""
    found = sorted(each.parent for each in ERP.glob("*/migrations") if each.is_dir())
    assert len(found) == 6
    return tuple(source_of(each.name, each / "migrations") for each in found)


def write(folder: Path, name: str, sql: str) -> Path:
    path = folder / name / "migration.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sql)
    return path


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def run(dsn: str, sql: str) -> Any:
    async with connected(dsn) as connection:
        return await connection.fetch(sql) if sql.startswith("SELECT ") else await connection.execute(sql)


async def bring_up(dsn: str, *sources: Source) -> None:
    """Provision and apply, module by module."""
    for each in sources:
        await run(dsn, provision(each.schema, each.role, "password"))
        await apply(dsn, each.schema, each.owner, each.folder, each.role)
