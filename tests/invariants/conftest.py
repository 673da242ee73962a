"""All modules' schemas in one database, and in it one order that went from quote to ledger."""

from pathlib import Path

import pytest_asyncio
from nexus_kit.testing.fixtures import (
    PASSWORD,
)  # roles belong to the whole server: one password in all its databases

from nexus.migrations import CHECKER
from nexus.testing import database_of_all_schemas

DATABASE = "invariants"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def erp(pg):
    """A superuser's connection; what a test changes is undone after it."""
    connection = await database_of_all_schemas(pg, DATABASE, PASSWORD)
    try:
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
