"""The real sales process, and a company of its own for each test."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from nexus_kit import new_id
from nexus_kit.testing.fixtures import modules

INVARIANTS = Path(__file__).parents[1] / "invariants"


@dataclass
class Shop:
    """One company of the running module, with a customer and two products it has heard of."""

    module: Any
    company_id: UUID
    headers: dict[str, str]
    customer_id: UUID
    products: list[UUID]

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """The status and body of whatever is answered."""
        headers = {**self.headers, **more.pop("headers", {})}
        async with self.module.http.request(method, f"/api/sales{path}", headers=headers, **more) as answer:
            return answer.status, None if answer.status == 204 else await answer.json(content_type=None)

    async def call(self, method: str, path: str, expect: int = 200, **more: Any) -> Any:
        status, body = await self.ask(method, path, **more)
        assert status == expect, (status, body, self.module.logs()[-3000:])
        return body

    def body(self, quantity: str = "2", **more: Any) -> dict[str, Any]:
        line = {"product_id": str(self.products[0]), "quantity": quantity}
        return {"customer_id": str(self.customer_id), "lines": [line], **more}

    async def quote(self, **more: Any) -> dict[str, Any]:
        return await self.call("POST", "/orders", 201, json=self.body(quote=True, **more))

    async def confirmed(self) -> dict[str, Any]:
        quoted = await self.quote()
        return await self.call("POST", f"/orders/{quoted['id']}/confirm")

    async def tell(self, module: str, kind: str, entity: UUID | str, **data: Any) -> None:
        await self.module.publish(module, kind, UUID(str(entity)), data, company_id=self.company_id)

    async def fact(self, kind: str, order_id: str, **data: Any) -> None:
        module = "inventory" if kind.split(".")[0] in ("stock", "shipment") else "financial"
        await self.tell(module, kind, order_id, order_id=order_id, **data)

    async def customer(self, name: str = "Loja Aurora", **more: Any) -> UUID:
        customer_id = more.pop("id", None) or new_id()
        data = {
            "name": name,
            "tax_id": "52998224725",
            "email": "compras@aurora.example",
            "status": "active",
            **more,
        }
        await self.tell("crm", "customer.created", customer_id, customer_id=str(customer_id), **data)
        return customer_id

    async def product(self, sku: str, price: str = "10.00", **more: Any) -> UUID:
        product_id = new_id()
        data = {
            "name": f"Produto {sku}",
            "unit": "un",
            "list_price": price,
            "currency": "BRL",
            "active": True,
            **more,
        }
        await self.tell(
            "inventory", "product.created", product_id, product_id=str(product_id), sku=sku, **data
        )
        return product_id

    async def until(self, order_id: str, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        seen: dict[str, Any] = {}

        async def met() -> bool:
            seen.update(await self.call("GET", f"/orders/{order_id}"))
            return what(seen)

        await self.module.wait(met)
        return seen

    async def heard(self, order_id: str, facts: int) -> None:
        """Wait until sales has handled that many events about the order."""
        count = "SELECT count(*) >= $2 FROM inbox WHERE entity_id = $1"
        await self.module.wait(lambda: self.module.admin.fetchval(count, UUID(order_id), facts))

    async def announced(self, kind: str, order_id: str) -> list[dict[str, Any]]:
        """The data of the events of this kind that sales put in its outbox for the order."""
        rows = await self.module.admin.fetch(
            "SELECT data FROM outbox WHERE type = $1 AND entity_id = $2", kind, UUID(order_id)
        )
        return [json.loads(row["data"]) for row in rows]

    async def keys(self, order_id: str) -> list[str]:
        return [one["event"] for one in (await self.call("GET", f"/orders/{order_id}"))["timeline"]]


async def broken_invariants(admin: Any) -> dict[str, list[Any]]:
    """The module's invariants that do not hold, with their rows."""
    found = {path.stem: await admin.fetch(path.read_text()) for path in sorted(INVARIANTS.glob("*.sql"))}
    return {name: [dict(row) for row in rows] for name, rows in found.items() if rows}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sales(pg: Any, valkey: Any, key_server: Any) -> AsyncIterator[Any]:
    """One process for all tests; at the end every order in it must satisfy the invariants."""
    async with modules(pg, valkey, key_server) as start:
        module = await start("sales")
        yield module
        assert await broken_invariants(module.admin) == {}
        assert "unhandled error" not in module.logs()


@pytest.fixture
async def make_shop(sales: Any) -> Callable[[], Awaitable[Shop]]:
    async def make() -> Shop:
        company_id = new_id()
        headers = sales.headers(permissions=["sales.*"], company_id=company_id, email="ana@loja.example")
        shop = Shop(sales, company_id, headers, UUID(int=0), [])
        shop.customer_id = await shop.customer()
        shop.products = [await shop.product("CAFE"), await shop.product("CHA", "7.35")]

        async def known() -> bool:
            customers = (await shop.call("GET", "/customers"))["items"]
            products = (await shop.call("GET", "/products"))["items"]
            return len(customers) == 1 and len(products) == 2

        await sales.wait(known)
        return shop

    return make


@pytest.fixture
async def shop(make_shop: Callable[[], Awaitable[Shop]]) -> Shop:
    return await make_shop()
