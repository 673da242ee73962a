"""Orders of the synthetic company: known by their company alone, counted nowhere, gone after a day."""

import shutil
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from nexus_kit import SYNTHETIC_COMPANY

from nexus.migrations import owner_of, provision
from nexus.migrations.apply import apply

from .conftest import Shop

MIGRATIONS = Path(__file__).parents[1] / "migrations"


@pytest.fixture
async def probe(sales) -> Shop:
    headers = sales.headers(
        permissions=["sales.order.read", "sales.order.write"],
        company_id=SYNTHETIC_COMPANY,
        email="probe@synthetic.invalid",
    )
    shop = Shop(sales, SYNTHETIC_COMPANY, headers, UUID(int=0), [])
    shop.customer_id = UUID((await shop.call("GET", "/customers"))["items"][0]["id"])
    shop.products = [UUID((await shop.call("GET", "/products"))["items"][0]["id"])]
    return shop


async def business(shop: Shop) -> dict:
    async with shop.module.http.get("/health/business") as answer:
        return (await answer.json())["numbers"]


async def test_an_order_is_synthetic_by_its_company_and_never_by_what_a_request_says(shop, probe):
    status, refused = await shop.ask("POST", "/orders", json=shop.body(quote=True, synthetic=True))
    assert (status, refused["type"].rpartition(":")[2]) == (422, "validation")
    assert not (await shop.quote())["synthetic"]
    order = await probe.confirmed()
    assert order["synthetic"]
    assert [one["synthetic"] for one in await probe.announced("order.confirmed", order["id"])] == [True]
    await probe.call("POST", f"/orders/{order['id']}/cancel", json={"reason": "probe"})


async def test_an_order_of_a_person_counts_even_if_a_former_release_took_it_for_synthetic(shop):
    order = await shop.confirmed()
    admin, summary = shop.module.admin, await shop.call("GET", "/summary")
    assert summary["today"]["orders"] == 1
    await admin.execute("UPDATE orders SET synthetic = true WHERE id = $1", UUID(order["id"]))
    assert await shop.call("GET", "/summary") == summary
    assert not (await shop.call("GET", f"/orders/{order['id']}"))["synthetic"]


async def test_orders_that_requests_had_flagged_are_mended_by_the_migration(pg, tmp_path):
    former = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, former, ignore=shutil.ignore_patterns("20261125*"))
    connection = await asyncpg.connect(pg.admin_dsn)
    await connection.execute("CREATE DATABASE flagged")
    await connection.close()
    dsn = pg.dsn("postgres", "flagged", pg.password)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(provision("sales", "sales", "x"))
        await apply(dsn, "sales", owner_of("sales"), former)
        await connection.execute(
            "INSERT INTO sales.orders (company_id, number, customer_id, customer_name, total, synthetic)"
            " SELECT uuidv7(), n, uuidv7(), 'Loja', 1, n = 1 FROM generate_series(1, 2) AS n"
        )
        await apply(dsn, "sales", owner_of("sales"), MIGRATIONS)
        told = await connection.fetch("SELECT DISTINCT synthetic, of_probe FROM sales.orders")
        assert [tuple(row) for row in told] == [(False, False)]
    finally:
        await connection.close()


async def test_nobody_else_sees_a_synthetic_order_customer_or_product(shop, probe):
    order = await probe.quote()
    assert (await shop.ask("GET", f"/orders/{order['id']}"))[0] == 404
    for path in ("/orders", "/customers?q=synthetic", "/products?q=synthetic"):
        assert (await shop.call("GET", path))["items"] == []


async def test_a_synthetic_order_that_stopped_alarms_nobody(probe):
    order = await probe.confirmed()
    before = await business(probe)
    await probe.module.admin.execute(
        "UPDATE orders SET confirmed_at = now() - interval '1 hour' WHERE id = $1", UUID(order["id"])
    )
    assert await business(probe) == before


async def test_old_synthetic_orders_are_removed_whole_and_no_order_of_a_person_ever(shop, probe):
    old, new, persons = await probe.confirmed(), await probe.quote(), await shop.confirmed()
    admin = probe.module.admin
    for order in (old, persons):
        await admin.execute(
            "UPDATE orders SET created_at = now() - interval '2 days' WHERE id = $1", UUID(order["id"])
        )
    await admin.execute("SET ROLE sales")
    try:
        with pytest.raises(Exception, match="permission denied"):
            await admin.execute("DELETE FROM order_timeline")
        await admin.execute("SELECT set_config('nexus.scope', 'system', false)")
        await admin.execute("SELECT forget_synthetic_orders('1 day')")
    finally:
        await admin.execute("RESET ROLE")
    for table, key in (("orders", "id"), ("order_lines", "order_id"), ("order_timeline", "order_id")):
        kept = await admin.fetch(f"SELECT DISTINCT {key}::text AS id FROM {table}")
        ids = {row["id"] for row in kept}
        assert old["id"] not in ids
        assert {new["id"], persons["id"]} <= ids
