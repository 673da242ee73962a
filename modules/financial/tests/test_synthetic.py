"""Orders of the synthetic company never reach the books."""

from nexus_kit import SYNTHETIC_COMPANY, new_id

TABLES = """
SELECT table_name AS name FROM information_schema.columns
WHERE table_schema = 'financial' AND column_name = 'company_id' AND table_name NOT IN ('inbox', 'idempotency')
"""


async def test_a_synthetic_order_leaves_every_table_of_the_books_as_it_was(books):
    admin = books.module.admin
    tables = {row["name"] for row in await admin.fetch(TABLES)}
    assert {"companies", "orders", "invoices", "entries", "periods", "payments", "outbox"} <= tables
    probe = type(books)(books.module, SYNTHETIC_COMPANY)
    order = new_id()
    await probe.confirmed(order)
    await probe.cancelled(order)

    async def heard() -> bool:
        return await admin.fetchval("SELECT count(*) FROM inbox WHERE entity_id = $1", order) == 2

    await books.module.wait(heard)
    for table in tables:
        count = f"SELECT count(*) FROM {table} WHERE company_id = $1"
        assert await admin.fetchval(count, SYNTHETIC_COMPANY) == 0, table


async def test_an_order_of_a_person_counts_whatever_its_fact_says(books):
    order = new_id()
    await books.confirmed(order, synthetic=True)
    flag = "SELECT synthetic FROM orders WHERE order_id = $1 AND confirmed_at IS NOT NULL"

    async def flagged() -> list[bool]:
        return [row["synthetic"] for row in await books.module.admin.fetch(flag, order)]

    assert await books.module.wait(flagged) == [False]
