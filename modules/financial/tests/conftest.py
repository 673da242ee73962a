"""The real financial process and, for each test, a company of its own."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
import pytest_asyncio
from nexus_kit import new_id
from nexus_kit.testing.fixtures import modules

SECRET = "webhook-secret-of-the-tests"
INVARIANTS = Path(__file__).parents[1] / "invariants"


@dataclass
class Books:
    """One company of the running module."""

    module: Any
    company_id: UUID = field(default_factory=new_id)

    @property
    def headers(self) -> dict[str, str]:
        return self.module.headers(["financial.*"], company_id=self.company_id)

    async def call(self, method: str, path: str, expect: int = 200, **more: Any) -> Any:
        headers = {**self.headers, **more.pop("headers", {})}
        async with self.module.http.request(
            method, f"/api/financial{path}", headers=headers, **more
        ) as answer:
            body = None if answer.status == 204 else await answer.json(content_type=None)
            assert answer.status == expect, (answer.status, body, self.module.logs()[-3000:])
            return body

    # facts of other modules

    async def confirmed(self, order_id: UUID, total: str = "119.40", synthetic: bool = False) -> None:
        line = {"line_id": str(new_id()), "product_id": str(new_id()), "quantity": "2", "unit_price": "59.70"}
        data = {"order_id": str(order_id), "number": f"SO-{order_id.hex[-4:]}", "customer_id": str(new_id())}
        data |= {"currency": "BRL", "total": total, "lines": [line | {"total": total}]}
        data["synthetic"] = synthetic
        await self.module.publish("sales", "order.confirmed", order_id, data, self.company_id)

    async def shipped(self, order_id: UUID, cost: str = "35.00") -> None:
        lines = [{"product_id": str(new_id()), "quantity": "1", "unit_cost": cost}]
        data = {"order_id": str(order_id), "shipment_id": str(new_id()), "lines": lines}
        await self.module.publish("inventory", "shipment.shipped", order_id, data, self.company_id)

    async def returned(self, order_id: UUID) -> None:
        data = {"order_id": str(order_id), "shipment_id": str(new_id()), "lines": []}
        await self.module.publish("inventory", "shipment.returned", order_id, data, self.company_id)

    async def cancelled(self, order_id: UUID, reason: str = "customer changed mind") -> None:
        data = {"order_id": str(order_id), "reason": reason, "shipped": True}
        await self.module.publish("sales", "order.cancelled", order_id, data, self.company_id)

    # what became of them

    async def invoice(self, order_id: UUID, state: str = "posted") -> dict[str, Any]:
        """The order's invoice once it is in the state."""

        async def found() -> Any:
            items = (await self.call("GET", f"/invoices?order_id={order_id}"))["items"]
            return items and items[0]["state"] == state and items[0]

        return await self.module.wait(found)

    async def charge(self, order_id: UUID, state: str = "active") -> dict[str, Any]:
        """The order's PIX charge once it is in the state."""

        async def found() -> Any:
            items = (await self.call("GET", f"/charges?order_id={order_id}"))["items"]
            return items and items[0]["state"] == state and items[0]

        return await self.module.wait(found)

    async def open_invoice(self, total: str = "119.40", cost: str = "35.00") -> tuple[UUID, dict[str, Any]]:
        """A new order, shipped and invoiced, and its active charge."""
        order_id = new_id()
        await self.confirmed(order_id, total)
        await self.shipped(order_id, cost)
        return order_id, await self.charge(order_id)

    async def pay(self, txid: str, expect: int = 202, **how: Any) -> Any:
        return await self.call("POST", f"/pix/simulator/charges/{txid}/pay", expect, json=how)

    async def paid_order(self) -> UUID:
        """A new order whose payment is reconciled."""
        order_id, charge = await self.open_invoice()
        await self.pay(charge["txid"])
        await self.reconciled(order_id)
        return order_id

    async def reconciled(self, order_id: UUID) -> None:
        query = "SELECT 1 FROM payments WHERE order_id = $1 AND reconciled_at IS NOT NULL"
        await self.module.wait(lambda: self.module.admin.fetchval(query, order_id))

    async def balances(self) -> dict[str, Decimal]:
        """Debits minus credits by account role, zero ones left out."""
        rows = await self.module.admin.fetch(
            """SELECT coalesce(a.role, a.code) AS account, sum(l.debit - l.credit) AS balance
                 FROM entry_lines l
                 JOIN entries e ON e.id = l.entry_id
                 JOIN accounts a ON a.id = l.account_id
                WHERE l.company_id = $1 AND e.state = 'posted'
                GROUP BY 1 HAVING sum(l.debit - l.credit) <> 0""",
            self.company_id,
        )
        return {row["account"]: row["balance"] for row in rows}

    async def count(self, table: str) -> int:
        return await self.module.admin.fetchval(
            f"SELECT count(*) FROM {table} WHERE company_id = $1", self.company_id
        )


def signed(txids: list[str], secret: str = SECRET) -> dict[str, Any]:
    """The body and headers of a webhook that speaks of the charges."""
    body = orjson.dumps({"pix": [{"txid": txid} for txid in txids]})
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"data": body, "headers": {"X-Pix-Signature": signature, "Content-Type": "application/json"}}


async def broken_invariants(admin: Any) -> dict[str, list[Any]]:
    """The module's invariants that do not hold, with their rows."""
    found = {path.stem: await admin.fetch(path.read_text()) for path in sorted(INVARIANTS.glob("*.sql"))}
    return {name: [dict(row) for row in rows] for name, rows in found.items() if rows}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def financial(pg: Any, valkey: Any, key_server: Any) -> AsyncIterator[Any]:
    """One process for all tests that disturb nobody else; at the end its books must be in order."""
    async with modules(pg, valkey, key_server) as start:
        module = await start(
            "financial", secrets={"pix_webhook_secret": SECRET}, env={"PIX_SWEEP_SECONDS": "600"}
        )
        yield module
        assert await broken_invariants(module.admin) == {}
        assert "worker failed" not in module.logs()
        assert "unhandled error" not in module.logs()


@pytest.fixture
def books(financial: Any) -> Books:
    """A new company on the shared process."""
    return Books(financial)


@pytest.fixture
async def start_financial(start_module: Callable[..., Any]) -> Callable[..., Any]:
    """Factory of a process of one's own: `await start_financial(PIX_CHARGE_TTL_SECONDS="1")`."""

    async def start(like: Any = None, instance: str | None = None, **env: str) -> Books:
        secrets = {"pix_webhook_secret": SECRET}
        return Books(await start_module("financial", secrets=secrets, env=env, like=like, instance=instance))

    return start


@pytest.fixture
async def as_role(financial: Any, books: Books) -> AsyncIterator[Any]:
    """A connection as the module's own role, in the scope of the test's company."""
    connection = await asyncpg.connect(financial.app_dsn)
    await connection.execute(f"SET nexus.company_id = '{books.company_id}'")
    yield connection
    await connection.close()
