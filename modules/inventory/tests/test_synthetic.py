"""Orders of the synthetic company are answered, and leave no trace in the stock."""

from nexus_kit import SYNTHETIC_COMPANY, new_id

TABLES = ("stock", "movements", "reservations", "shipments", "shipment_lines", "demands", "demand_lines")


async def test_a_synthetic_order_is_answered_and_moves_no_stock(store, another):
    product = await store.product(5)
    probe = another(store, company_id=SYNTHETIC_COMPANY)
    admin = store.module.admin
    before = [await admin.fetch(f"SELECT * FROM {table}") for table in TABLES]
    order = await probe.confirm({str(new_id()): 1})
    await probe.confirm({product: 5})
    await probe.handled(await probe.tell("cancelled", order))
    told = await admin.fetch("SELECT type FROM outbox WHERE entity_id = $1 ORDER BY seq", order)
    assert [row["type"] for row in told] == ["stock.reserved", "stock.released"]
    assert [await admin.fetch(f"SELECT * FROM {table}") for table in TABLES] == before
    assert await store.level(product) == (5, 0)
