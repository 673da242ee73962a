"""The rows README.md names for a paid, reconciled order can be loaded with COPY, triggers active, and
add up.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from nexus_kit import new_id

from .conftest import Books, broken_invariants

ORDERS = 50
TOTAL, COST = Decimal("80.00"), Decimal("30.00")


async def load(sql: Any, books: Books, roles: dict[str, UUID], period: UUID, day: Any) -> None:
    """Write ORDERS paid orders and their one reconciliation."""
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    rows: dict[str, list[tuple[Any, ...]]] = {}
    company = books.company_id

    def add(table: str, *row: Any) -> None:
        rows.setdefault(table, []).append(row)

    def entry(kind: str, source: UUID, amount: Decimal, debit: str, credit: str) -> None:
        entry_id = new_id()
        add("entries", entry_id, company, period, day, kind, source, kind, amount, "posted", at, at)
        add("entry_lines", entry_id, 1, company, roles[debit], amount, Decimal(0))
        add("entry_lines", entry_id, 2, company, roles[credit], Decimal(0), amount)

    batch = new_id()
    add("reconciliations", batch, company, ORDERS, TOTAL * ORDERS, at)
    entry("settlement", batch, TOTAL * ORDERS, "bank", "pix_clearing")
    for number in range(1, ORDERS + 1):
        order, invoice, payment, customer = new_id(), new_id(), new_id(), new_id()
        name = f"SO-{number}"
        add("orders", company, order, name, customer, "BRL", TOTAL, "[]", at, new_id(), COST, at, invoice)
        add(
            "invoices",
            invoice,
            company,
            number,
            order,
            name,
            customer,
            TOTAL,
            "[]",
            "paid",
            invoice.hex,
            day,
            day,
            at,
        )
        add("charges", invoice.hex, company, invoice, order, TOTAL, "paid", at + timedelta(days=1), at)
        end_to_end = f"E00000000{payment.hex[-23:]}"
        add(
            "payments", payment, company, "pix", end_to_end, invoice.hex, invoice, order, TOTAL, at, at, batch
        )
        entry("invoice", invoice, TOTAL, "receivable", "revenue")
        entry("cost", order, COST, "cost_of_sales", "inventory")
        entry("payment", payment, TOTAL, "pix_clearing", "receivable")
    async with sql.transaction():
        await sql.execute("SET LOCAL nexus.scope = 'system'")
        for table, columns in COLUMNS.items():
            names = columns.split()
            records = orjson.dumps([dict(zip(names, row, strict=True)) for row in rows[table]], default=str)
            await sql.execute(BULK.format(table=table, columns=", ".join(names)), records.decode())
        await sql.execute("INSERT INTO number_series VALUES ($1, 'invoice', $2)", company, ORDERS)


BULK = (
    "INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb)"
)
COLUMNS = {
    "orders": "company_id order_id number customer_id currency total lines confirmed_at "
    "shipment_id cost shipped_at invoice_id",
    "invoices": "id company_id number order_id order_number customer_id total lines "
    "state txid issue_date due_date paid_at",
    "charges": "txid company_id invoice_id order_id amount state expires_at created_at",
    "reconciliations": "id company_id payments total created_at",
    "payments": "id company_id method end_to_end_id txid invoice_id order_id amount "
    "received_at reconciled_at reconciliation_id",
    "entries": "id company_id period_id date kind source_id description total state posted_at created_at",
    "entry_lines": "entry_id position company_id account_id debit credit",
}


async def test_a_month_can_be_loaded_in_bulk_and_the_module_goes_on_from_there(
    books: Books, as_role: Any
) -> None:
    roles = {a["role"]: UUID(a["id"]) for a in await books.call("GET", "/accounts") if a["role"]}
    today = (datetime.now(UTC) - timedelta(hours=3)).date()
    day = today.replace(day=1) - timedelta(days=5)
    period = new_id()
    await as_role.execute(
        "INSERT INTO periods (id, company_id, month) VALUES ($1, $2, $3)",
        period,
        books.company_id,
        day.replace(day=1),
    )
    await load(as_role, books, roles, period, day)
    assert (await books.balances())["bank"] == TOTAL * ORDERS
    order_id = await books.paid_order()
    assert (await books.invoice(order_id, "paid"))["number"] == ORDERS + 1
    run = await books.call("POST", "/closes", 202, json={"period": f"{day:%Y-%m}"})

    async def closed() -> bool:
        return (await books.call("GET", f"/closes/{run['id']}"))["state"] == "done"

    await books.module.wait(closed)
    assert await broken_invariants(books.module.admin) == {}
