"""Every invariant can be asked, holds for a sound company, and catches the row that breaks it."""

import re
from pathlib import Path

import asyncpg
import pytest

from nexus.business import load_invariants
from nexus.business.check import check_invariants
from nexus.stack import load_stack

ROOT = Path(__file__).resolve().parents[2]
STACK = load_stack(ROOT)
OURS = sorted([*ROOT.glob("invariants/*.sql"), *ROOT.glob("modules/inventory/invariants/*.sql")])
EVENTS = sorted(ROOT.glob("invariants/events-from-*.sql"))

ID = "00000000-0000-0000-0000-0000000000"
COMPANY, PRODUCT, MAIN, ORDER, SHIPMENT = (f"'{ID}{n}'" for n in ("01", "02", "03", "05", "06"))
INVOICE, PAYMENT, RESERVED, READY, STRANGER = (f"'{ID}{n}'" for n in ("08", "09", "15", "16", "ff"))
CANCEL = "state = 'cancelled', cancelled_at = now() - interval '1 hour', done_at = NULL"

# What breaks each of them: the smallest change to a sound company.
BREACHES = {
    "cancelled-orders-hold-no-stock": f"UPDATE sales.orders SET {CANCEL} WHERE id = {RESERVED}",
    "cancelled-orders-owe-nothing": f"UPDATE sales.orders SET {CANCEL} WHERE id = {ORDER}",
    "companies-of-crm-are-registered": "DELETE FROM users.companies",
    "companies-of-financial-are-registered": "DELETE FROM users.companies",
    "companies-of-inventory-are-registered": "DELETE FROM users.companies",
    "companies-of-sales-are-registered": "DELETE FROM users.companies",
    "done-orders-are-invoiced-once": "UPDATE financial.invoices SET total = 19.99",
    "done-orders-are-reconciled": "UPDATE financial.payments SET reconciled_at = NULL",
    "done-orders-are-shipped-in-full": "UPDATE sales.order_lines SET quantity = 2 WHERE position = 2",
    "invoices-have-their-shipment": f"UPDATE inventory.shipments SET shipped_at = NULL WHERE id = {SHIPMENT}",
    "ledger-costs-equal-stock-costs": "UPDATE financial.entries SET total = 8.01 WHERE kind = 'cost'",
    "orders-are-paid-once": f"UPDATE financial.payments SET invoice_id = NULL WHERE id = {PAYMENT}",
    "orders-keep-their-company-in-financial": f"UPDATE financial.invoices SET company_id = {STRANGER}",
    "orders-keep-their-company-in-inventory": f"UPDATE inventory.demands SET company_id = {STRANGER}",
    "sales-knows-the-products": "UPDATE sales.products SET list_price = 11",
    "shipments-are-invoiced": "DELETE FROM financial.invoices",
    "demands-agree-with-shipments": f"UPDATE inventory.demands SET state = 'short' WHERE order_id = {ORDER}",
    "documents-have-movements": "DELETE FROM inventory.receipts",
    "on-hand-equals-movements": f"UPDATE inventory.stock SET on_hand = 7 WHERE warehouse_id = {MAIN}",
    "reserved-equals-reservations": f"UPDATE inventory.stock SET reserved = 2 WHERE warehouse_id = {MAIN}",
    "shipments-agree-with-their-state": f"DELETE FROM inventory.shipment_lines WHERE shipment_id = {READY}",
    "shipments-have-movements": f"UPDATE inventory.shipments SET state = 'returned' WHERE id = {SHIPMENT}",
    "shipments-hold-their-reservations": "UPDATE inventory.reservations SET state = 'released'",
    "stock-companies-agree": f"UPDATE inventory.products SET company_id = {STRANGER}",
    "stock-not-over-reserved": f"UPDATE inventory.stock SET reserved = 7 WHERE warehouse_id = {MAIN}",
    "transfers-balance": "DELETE FROM inventory.movements WHERE kind = 'transfer' AND quantity = 1",
}
# Further ways to break some of them.
MORE = [
    ("done-orders-are-invoiced-once", "DELETE FROM financial.invoices"),
    ("done-orders-are-shipped-in-full", "DELETE FROM inventory.shipment_lines"),
    ("orders-are-paid-once", f"""
        DROP INDEX financial.payments_invoice;
        INSERT INTO financial.payments (company_id, method, end_to_end_id, invoice_id, amount, received_at)
        VALUES ({COMPANY}, 'pix', 'E2', {INVOICE}, 20, now())"""),
    ("cancelled-orders-owe-nothing", f"""
        UPDATE sales.orders SET {CANCEL} WHERE id = {ORDER};
        UPDATE financial.invoices SET state = 'reversed', reversed_at = now();
        UPDATE financial.charges SET state = 'active', copy_paste = '000201'"""),
    ("on-hand-equals-movements", "DELETE FROM inventory.stock"),
    ("on-hand-equals-movements", "DELETE FROM inventory.movements"),
    ("reserved-equals-reservations", "DELETE FROM inventory.reservations"),
    ("shipments-have-movements", "DELETE FROM inventory.movements WHERE kind = 'shipment'"),
    ("shipments-have-movements", "DELETE FROM inventory.shipment_lines"),
    ("sales-knows-the-products", "DELETE FROM sales.products"),
    ("shipments-hold-their-reservations", "DELETE FROM inventory.reservations"),
    ("documents-have-movements", "DELETE FROM inventory.movements WHERE kind = 'adjustment'"),
]  # fmt: skip


async def test_every_invariant_of_the_stack_can_be_asked_by_the_role_that_asks(checker_dsn):
    invariants = load_invariants(STACK)
    assert not invariants.skipped
    results = [result async for result in check_invariants(checker_dsn, invariants.usable)]
    assert len(results) > len(OURS)
    assert {result.name: result.error for result in results if result.error} == {}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
async def test_it_holds_in_a_sound_company(books, path):
    assert await books.fetch(path.read_text()) == []


@pytest.mark.parametrize(("name", "breach"), [*BREACHES.items(), *MORE])
async def test_it_catches_what_breaks_it(books, name, breach):
    await drop_constraints(books, breach)
    await books.execute(breach)
    assert await books.fetch(sql_of(name)), f"{name} saw nothing wrong"


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
async def test_it_catches_each_kind_of_event_that_was_not_handled_within_a_minute(books, path):
    _, teller, hearer = re.fullmatch(r"(events-from)-(\w+)-reach-(\w+)", path.stem).groups()
    for kind in STACK.service(hearer).events.consumes[teller]:
        event = await books.fetchval(
            f"INSERT INTO {teller}.outbox (id, type, entity_id, company_id, data, occurred_at) VALUES"
            " (uuidv7(), $1, uuidv7(), uuidv7(), '{}', now() - interval '61 seconds') RETURNING id",
            kind,
        )
        assert [row["event_id"] for row in await books.fetch(path.read_text())] == [event], kind
        await books.execute(
            f"INSERT INTO {hearer}.inbox (event_id, module, type, company_id, entity_id, state)"
            " VALUES ($1, $2, $3, uuidv7(), uuidv7(), 'failed')",
            event, teller, kind,
        )  # fmt: skip
        assert await books.fetch(path.read_text()), f"{kind} is parked, not handled"
        await books.execute(f"UPDATE {hearer}.inbox SET state = 'done' WHERE event_id = $1", event)
        assert await books.fetch(path.read_text()) == []


def test_every_pair_of_modules_that_talk_is_asked_about():
    schemas = {service.name: service.database for service in STACK.services}
    pairs = {
        f"events-from-{teller}-reach-{hearer.name}"
        for hearer in STACK.services
        for teller in hearer.events.consumes
        if hearer.database and schemas[teller]
    }
    assert pairs == {path.stem for path in EVENTS}


def test_every_invariant_has_a_row_that_breaks_it():
    assert set(BREACHES) == {path.stem for path in OURS} - {path.stem for path in EVENTS}


def sql_of(name: str) -> str:
    return next(path for path in OURS if path.stem == name).read_text()


async def drop_constraints(books: asyncpg.Connection, breach: str) -> None:
    """Rows that the tables themselves refuse are planted all the same: the checks do not trust the tables."""
    for schema, table in set(re.findall(r"(?:UPDATE|INTO|FROM) (\w+)\.(\w+)", breach)):
        rows = await books.fetch(
            "SELECT conname FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'c'",
            f"{schema}.{table}",
        )
        for row in rows:
            await books.execute(f'ALTER TABLE {schema}.{table} DROP CONSTRAINT "{row["conname"]}"')
