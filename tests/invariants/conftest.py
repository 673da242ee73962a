"""All modules' schemas in one database, and in it one order that went from quote to ledger."""

from pathlib import Path

import asyncpg
import pytest_asyncio
from nexus_kit.testing.fixtures import (
    PASSWORD,
)  # roles belong to the whole server: one password in all its databases

from nexus.migrations import CHECKER, apply, owner_of, provision, provision_checker
from nexus.stack import load_stack

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "invariants"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def erp(pg):
    """A superuser's connection; what a test changes is undone after it."""
    server = await asyncpg.connect(pg.admin_dsn)
    await server.execute(f"CREATE DATABASE {DATABASE}")
    await server.close()
    dsn = pg.dsn("postgres", DATABASE, pg.password)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(provision_checker(PASSWORD))
        for service in load_stack(ROOT).services:
            if service.database:
                schema = service.database.schema_
                await connection.execute(provision(schema, schema, PASSWORD))
                await apply(dsn, schema, owner_of(schema), service.folder / service.database.migrations.path)
        await connection.execute("SET session_replication_role = replica")  # rows as they are, no triggers
        await connection.execute((Path(__file__).parent / "an_order_to_cash.sql").read_text())
        yield connection
    finally:
        await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def books(erp):
    """The same connection in a transaction that is rolled back."""
    transaction = erp.transaction()
    await transaction.start()
    yield erp
    await transaction.rollback()


@pytest_asyncio.fixture(loop_scope="session")
async def checker_dsn(pg, erp):
    """The address of the role that runs the invariants."""
    return pg.dsn(CHECKER, DATABASE, PASSWORD)
