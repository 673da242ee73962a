"""A stocked company, and what a test does with it through HTTP and events."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from nexus_kit import new_id

INVARIANTS = sorted((Path(__file__).parents[1] / "invariants").glob("*.sql"))


@dataclass
class Store:
    """One instance of the module, spoken to as a user and as sales."""

    module: Any
    company_id: UUID

    async def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, **claims: Any):
        """Status and JSON of a request with a token for everything."""
        claims.setdefault("company_id", self.company_id)
        headers = self.module.headers(["*"], **claims) | ({"Idempotency-Key": key} if key else {})
        async with self.module.http.request(
            method, f"/api/inventory/{path}", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, **claims: Any):
        status, body = await self.call("GET", path, **claims)
        assert status == 200, body
        return body

    async def create(self, path: str, body: Any, expected: int = 201, **options: Any):
        status, answer = await self.call("POST", path, body, **options)
        assert status == expected, answer
        return answer

    async def product(self, stock: Any = 0, *, sku: str | None = None, cost: str = "2.50") -> str:
        """A new product with so much stock in the default warehouse; its id."""
        sku = sku or f"SKU-{new_id().hex[-12:]}"
        made = await self.create("products", {"sku": sku, "name": sku, "list_price": "9.90"})
        if stock:
            await self.receive(made["id"], stock, cost=cost)
        return made["id"]

    async def receive(
        self, product: str, quantity: Any, *, cost: str = "2.50", warehouse: str | None = None
    ) -> None:
        line = {"product_id": product, "quantity": str(quantity), "unit_cost": cost}
        await self.create("receipts", {"warehouse_id": warehouse, "lines": [line]})

    async def warehouse(self, dispatch: str = "manual", *, default: bool = True) -> str:
        name = f"W-{new_id().hex[-8:]}"
        body = {"name": name, "dispatch": dispatch, "is_default": default}
        return (await self.create("warehouses", body))["id"]

    async def level(self, product: str) -> tuple[Decimal, Decimal]:
        """On hand and reserved, over all warehouses."""
        items = (await self.get(f"stock?product_id={product}"))["items"]
        on_hand, reserved = ([Decimal(item[name]) for item in items] for name in ("on_hand", "reserved"))
        return sum(on_hand, Decimal(0)), sum(reserved, Decimal(0))

    async def confirm(self, lines: dict[str, Any], order: UUID | None = None, **options: Any) -> UUID:
        """Sales confirms an order; its id."""
        order = order or new_id()
        wanted = [
            {"line_id": str(new_id()), "product_id": product, "quantity": str(quantity),
             "unit_price": "9.90", "total": "9.90"}
            for product, quantity in lines.items()
        ]  # fmt: skip
        data = {"order_id": str(order), "number": 7, "customer_id": str(new_id()), "currency": "BRL",
                "total": "9.90", "lines": wanted, "synthetic": False}  # fmt: skip
        await self.module.publish("sales", "order.confirmed", order, data, self.company_id, **options)
        return order

    async def tell(self, kind: str, order: UUID) -> UUID:
        """Sales tells `order.<kind>`; the event's id."""
        data = {"order_id": str(order), "reason": "test", "shipped": False}
        return await self.module.publish("sales", f"order.{kind}", order, data, self.company_id)

    async def handled(self, event_id: UUID, state: str = "done") -> None:
        """Wait until the event is in the inbox in this state."""
        query = "SELECT 1 FROM inbox WHERE event_id = $1 AND state = $2"
        await self.module.wait(lambda: self.module.admin.fetchval(query, event_id, state))

    async def states(self) -> dict[UUID, str]:
        """What the module believes of each order."""
        rows = await self.module.admin.fetch("SELECT order_id, state FROM demands")
        return {row["order_id"]: row["state"] for row in rows}

    async def settled(self, orders: int) -> dict[UUID, str]:
        """States once so many orders have been heard of."""
        query = "SELECT count(*) = $1 FROM demands"
        await self.module.wait(lambda: self.module.admin.fetchval(query, orders))
        return await self.states()

    async def check(self) -> None:
        """The module's invariants hold."""
        for path in INVARIANTS:
            rows = await self.module.admin.fetch(path.read_text())
            assert not rows, f"{path.stem}: {rows}"


@pytest_asyncio.fixture(loop_scope="session")
async def store(start_module):
    """A fresh company served by one instance."""
    module = await start_module("inventory")
    return Store(module, module.company_id)


@pytest.fixture
def another():
    """Factory: the same company through another instance, or another company through the same one."""

    def make(store: Store, *, module: Any = None, company_id: UUID | None = None) -> Store:
        return Store(module or store.module, company_id or store.company_id)

    return make
