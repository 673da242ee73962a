"""The real CRM process, and a company of its own for each test."""

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from nexus_crm.tax_ids import cpf_digits
from nexus_kit import new_id
from nexus_kit.testing.fixtures import modules

INVARIANTS = Path(__file__).parents[1] / "invariants"


@dataclass
class Firm:
    """One company of the running CRM."""

    module: Any
    company_id: UUID
    headers: dict[str, str]
    bases: Any = field(default_factory=lambda: itertools.count(100_000_001))

    async def call(self, method: str, path: str, expect: int = 200, **more: Any) -> Any:
        headers = {**self.headers, **more.pop("headers", {})}
        async with self.module.http.request(method, f"/api/crm{path}", headers=headers, **more) as answer:
            body = await answer.json(content_type=None)
            assert answer.status == expect, (answer.status, body, self.module.logs()[-3000:])
            return body

    def tax_id(self) -> str:
        """A valid CPF that this company has not used."""
        base = str(next(self.bases))
        return base + cpf_digits(base)

    async def customer(self, name: str = "Maria José da Silva", **more: Any) -> dict[str, Any]:
        body = {"name": name, "tax_id": self.tax_id(), **more}
        return await self.call("POST", "/customers", 201, json=body)

    async def told(self, kind: str, customer_id: str) -> list[dict[str, Any]]:
        """The data of the events of this kind in the outbox about the customer, oldest first."""
        rows = await self.module.admin.fetch(
            "SELECT data FROM outbox WHERE type = $1 AND entity_id = $2 ORDER BY seq", kind, UUID(customer_id)
        )
        return [json.loads(row["data"]) for row in rows]


async def broken_invariants(admin: Any) -> dict[str, list[Any]]:
    """The module's invariants that do not hold, with their rows."""
    found = {path.stem: await admin.fetch(path.read_text()) for path in sorted(INVARIANTS.glob("*.sql"))}
    return {name: [dict(row) for row in rows] for name, rows in found.items() if rows}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def crm(pg: Any, valkey: Any, key_server: Any) -> AsyncIterator[Any]:
    """One process for all tests; at the end all customers in it must satisfy the invariants."""
    async with modules(pg, valkey, key_server) as start:
        module = await start("crm")
        yield module
        assert await broken_invariants(module.admin) == {}
        assert "unhandled error" not in module.logs()


@pytest.fixture
async def make_firm(crm: Any) -> Callable[[], Awaitable[Firm]]:
    async def make() -> Firm:
        company_id = new_id()
        return Firm(crm, company_id, crm.headers(permissions=["crm.*"], company_id=company_id))

    return make


@pytest.fixture
async def firm(make_firm: Callable[[], Awaitable[Firm]]) -> Firm:
    return await make_firm()
