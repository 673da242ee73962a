"""All modules' schemas in one database with the demonstration company's two months, and a store beside it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest_asyncio
from nexus_company.demo import customers, ledger, orders, stock
from nexus_company.timeline import compose
from nexus_financial.chart import DEFAULT
from nexus_kit.testing.fixtures import PASSWORD

from nexus.business.declared import declared_kpis, declared_processes
from nexus.migrations import CHECKER
from nexus.stack import load_stack
from nexus.telemetry.store import Store
from nexus.telemetry.targets import ServiceTarget, Targets
from nexus.testing import database_of_all_schemas

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "figures"
COMPANY = UUID(int=1)
_ACCOUNTS = """
INSERT INTO accounts (company_id, code, name_pt, name_en, type, role, control)
SELECT $1, a.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[]) AS a
"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo(pg):
    """The demonstration company's history up to the last full hour; its rows are in the database."""
    connection = await database_of_all_schemas(pg, DATABASE, PASSWORD)
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    timeline = compose(until, 1)
    try:
        for schema, write in (
            ("crm", customers),
            ("inventory", stock),
            ("sales", orders),
            ("financial", ledger),
        ):
            async with connection.transaction():
                await connection.execute(f"SET LOCAL search_path = {schema}")
                if schema == "financial":
                    await connection.execute(_ACCOUNTS, COMPANY, *zip(*DEFAULT, strict=True))
                await write.write(connection, COMPANY, timeline)
        await _people(connection)
    finally:
        await connection.close()
    return timeline


async def _people(connection: asyncpg.Connection) -> None:
    """What the demonstration leaves to running modules: sign-ins, an invitation, a failed reservation."""
    await connection.execute(
        "INSERT INTO users.companies (company_id, name, tax_id) VALUES ($1, 'Loja', '11222333000181')",
        COMPANY,
    )
    await connection.execute(
        "INSERT INTO users.users (company_id, email, name) VALUES ($1, 'ana@exemplo.com.br', 'Ana')", COMPANY
    )
    await connection.execute(
        "INSERT INTO users.invitations (company_id, email, token_hash, created_at, expires_at)"
        " VALUES ($1, 'bia@exemplo.com.br', sha256('t'), now() - interval '3 hours', now() + interval '1 d')",
        COMPANY,
    )
    await connection.execute(
        "INSERT INTO auth.login_attempts (outcome) VALUES ('succeeded'), ('succeeded'), ('succeeded'),"
        " ('wrong_password')"
    )
    await connection.execute(
        "INSERT INTO inventory.outbox (id, type, entity_id, company_id, data) VALUES"
        " (uuidv7(), 'stock.reservation_failed', uuidv7(), $1, '{}'),"
        " (uuidv7(interval '-1 hour'), 'stock.reservation_failed', uuidv7(), $1, '{}')",
        COMPANY,
    )
    await connection.execute(
        "UPDATE financial.periods SET state = 'closed', closed_at = now() WHERE month < $1",
        (datetime.now(UTC).date().replace(day=1) - timedelta(days=1)).replace(day=1),
    )


@pytest_asyncio.fixture(loop_scope="session")
async def store(tmp_path):
    """An empty store."""
    store = Store(tmp_path / "telemetry")
    yield store
    store.close()


@pytest_asyncio.fixture(loop_scope="session")
async def targets(pg, demo, tmp_path):
    """This repository's stack, its database known by the role that may only read."""
    secret = tmp_path / "check_url"
    secret.write_text(pg.dsn(CHECKER, DATABASE, PASSWORD))
    stack = load_stack(ROOT)
    services = tuple(
        ServiceTarget(
            s.name, s.kind, s.runtime, s.port, "", "", "", "", "",
            schema=s.database.schema_ if s.database else "",
            secret_files={"check_url": str(secret)} if s.kind == "database" else {},
        )
        for s in stack.services
    )  # fmt: skip
    told = Targets(
        stack.name,
        str(ROOT),
        "process",
        services=services,
        kpis=declared_kpis(stack),
        processes=declared_processes(stack),
    )
    return Targets.from_line(told.to_line())
