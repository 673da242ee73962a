"""The shop window: which customers and products the simulated users choose from."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Any

from nexus_company import people
from nexus_company.catalogue import CATALOGUE
from nexus_company.client import ApiError, Client

CUSTOMERS_WANTED = 40
UNITS_PER_ORDER = 12  # stock brought in per simulated order, spread over the catalogue


@dataclass
class Shop:
    """Customers and products, with their shares in orders."""

    customers: list[str]
    products: list[str]
    weights: list[int]

    def draw_order(self, rng: random.Random) -> dict[str, Any]:
        """A customer's basket: one to four different products, few of each."""
        wanted = {rng.choices(self.products, self.weights)[0] for _ in range(rng.choice((1, 1, 2, 2, 3, 4)))}
        lines = [
            {"product_id": product, "quantity": str(rng.choice((1, 1, 1, 2, 3)))}
            for product in sorted(wanted)
        ]
        return {"customer_id": rng.choice(self.customers), "lines": lines}


async def open_shop(client: Client, orders: int, rng: random.Random) -> Shop:
    """Makes sure that customers, products and stock for `orders` orders exist, and returns them."""
    customers, new_customers = await _customers(client, rng)
    products, new_products = await _products(client)
    await _stock_up(client, products, orders)
    weights = {item.sku: item.popularity for item in CATALOGUE}
    shop = Shop(customers, [p["id"] for p in products], [weights[p["sku"]] for p in products])
    if new_customers or new_products:
        await _until_sales_knows(client, shop)
    return shop


async def order_short_of_stock(client: Client, customer: str, product: str, quantity: int) -> str | None:
    """Confirms an order for more than there is; its id once sales knows that, None if it can be served."""
    lines = [{"product_id": product, "quantity": str(quantity)}]
    order = await client.post("/api/sales/orders", {"customer_id": customer, "lines": lines, "quote": True})
    path = f"/api/sales/orders/{order['id']}"
    await client.post(f"{path}/confirm")
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        order = await client.get(path)
        if order["exception"] == "out_of_stock":
            return str(order["id"])
        if order["reserved_at"]:
            return None
        await asyncio.sleep(0.1)
    return None


async def _customers(client: Client, rng: random.Random) -> tuple[list[str], int]:
    found = (await client.get(f"/api/crm/customers?limit={CUSTOMERS_WANTED}"))["items"]
    active = [customer["id"] for customer in found if customer["status"] == "active"]
    known = len(active)
    while len(active) < CUSTOMERS_WANTED:
        try:
            active.append((await client.post("/api/crm/customers", people.customer(rng)))["id"])
        except ApiError as refused:
            if refused.status != 409:  # this tax id is taken: draw another person
                raise
    return active, len(active) - known


async def _products(client: Client) -> tuple[list[dict[str, Any]], int]:
    by_sku: dict[str, dict[str, Any]] = {}
    cursor = ""
    while True:
        page = await client.get(f"/api/inventory/products?limit=200{cursor}")
        by_sku.update({product["sku"]: product for product in page["items"]})
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"
    missing = [item for item in CATALOGUE if item.sku not in by_sku]
    for item in missing:
        body = {"sku": item.sku, "name": item.name, "unit": "un", "list_price": str(item.price)}
        by_sku[item.sku] = await client.post("/api/inventory/products", body)
    return [by_sku[item.sku] for item in CATALOGUE], len(missing)


async def _stock_up(client: Client, products: list[dict[str, Any]], orders: int) -> None:
    warehouses = (await client.get("/api/inventory/warehouses"))["items"]
    automatic = [w for w in warehouses if w.get("dispatch") == "automatic"]
    if automatic:
        warehouse = automatic[0]
    else:
        body = {"code": "CD1", "name": "Centro de distribuição", "dispatch": "automatic"}
        warehouse = await client.post("/api/inventory/warehouses", body)
    popularity = {item.sku: item.popularity for item in CATALOGUE}
    cost = {item.sku: item.cost for item in CATALOGUE}
    total = sum(popularity.values())
    lines = [
        {
            "product_id": product["id"],
            "quantity": str(20 + orders * UNITS_PER_ORDER * popularity[product["sku"]] // total),
            "unit_cost": str(cost[product["sku"]]),
        }
        for product in products
    ]
    await client.post("/api/inventory/receipts", {"warehouse_id": warehouse["id"], "lines": lines})


async def _until_sales_knows(client: Client, shop: Shop) -> None:
    """Waits until the news of the newest customer and of all products has reached sales."""
    give_up = time.monotonic() + 20
    lines = [{"product_id": product, "quantity": "1"} for product in shop.products]
    asked = {"customer_id": shop.customers[-1], "lines": lines}
    while True:
        try:
            order = await client.post("/api/sales/orders", asked)
            break
        except ApiError as refused:
            if refused.status != 422 or time.monotonic() > give_up:
                raise
            await asyncio.sleep(0.1)
    await client.post(f"/api/sales/orders/{order['id']}/cancel", {"reason": "price check"})
