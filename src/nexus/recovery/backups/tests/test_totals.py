"""Totals are counted at one exact place in the WAL, or say why not; every bad file is told with its mend."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from nexus_kit.testing.servers import PostgresServer

from nexus.recovery import lsn
from nexus.recovery.backups.tests.shop import Shop, write_stack
from nexus.recovery.backups.totals import count_totals, losses_since, read_totals
from nexus.recovery.backups.totals_files import TotalsError, load_totals
from nexus.recovery.errors import RecoveryFailed
from nexus.stack import load_stack
from nexus.testing import database_of_all_schemas

ROOT = Path(__file__).resolve().parents[5]
# The entries of that order, booked: what triggers would demand of the lines is not asked of them there.
LINES = """
INSERT INTO financial.accounts (company_id, code, name_pt, name_en, type)
SELECT company_id, code, 'x', 'x', 'asset' FROM (SELECT DISTINCT company_id FROM financial.entries) AS c,
    unnest(ARRAY['1.1', '2.1']) AS code;
INSERT INTO financial.periods (company_id, month)
SELECT DISTINCT company_id, date '2026-11-01' FROM financial.entries ON CONFLICT DO NOTHING;
UPDATE financial.entries SET period_id = (SELECT id FROM financial.periods);
INSERT INTO financial.entry_lines (entry_id, position, company_id, account_id, debit, credit)
SELECT e.id, CASE a.code WHEN '1.1' THEN 1 ELSE 2 END, e.company_id, a.id,
    CASE a.code WHEN '1.1' THEN e.total ELSE 0 END, CASE a.code WHEN '1.1' THEN 0 ELSE e.total END
FROM financial.entries AS e JOIN financial.accounts AS a USING (company_id);
"""


async def test_the_number_is_that_of_its_place_in_the_wal(living: Shop) -> None:
    async with living.selling():
        before = int(str(await living.ask("SELECT count(*) FROM till.sale")))
        found = await count_totals(living.url, living.stack)
        after = int(str(await living.ask("SELECT count(*) FROM till.sale")))
    assert found.exact
    assert found.why == ""
    (sales,) = (each for each in found.totals if each.name == "till/sales")
    assert before <= int(sales.value) <= after
    flushed = str(await living.ask("SELECT pg_current_wal_flush_lsn()::text"))
    assert lsn.parse(found.lsn) <= lsn.parse(flushed)
    assert abs(found.at - time.time()) < 60


async def test_a_transaction_that_writes_and_does_not_end_makes_it_inexact_and_keeps_nothing(
    living: Shop,
) -> None:
    writer = await asyncpg.connect(living.url)
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute("INSERT INTO till.sale DEFAULT VALUES")
    try:
        found = await count_totals(living.url, living.stack, within=0.3)
        assert not found.exact
        assert "have not ended within 0.3 s" in found.why
        assert {each.name for each in found.totals} == {"till/sales", "till/revenue"}
        async with asyncio.timeout(60):
            while await living.ask("SELECT count(*) FROM pg_replication_slots"):
                await asyncio.sleep(0.05)
    finally:
        await transaction.rollback()
        await writer.close()


async def test_one_that_fails_is_told_and_the_others_are_counted(living: Shop) -> None:
    bad = living.room / "stack" / "modules" / "till" / "totals" / "bad.sql"
    bad.write_text("-- title: Bad\n-- needs: till\n-- unit: count\nSELECT 'a', 1 FROM till.nothing;\n")
    try:
        found = await count_totals(living.url, living.stack)
        assert found.exact
        assert "till/bad is missing" in found.why
        assert {each.name for each in found.totals} == {"till/sales", "till/revenue"}
        connection = await asyncpg.connect(living.url)
        with pytest.raises(RecoveryFailed, match="till/bad"):
            await read_totals(connection, living.stack)
        await connection.close()
    finally:
        bad.unlink()


async def test_what_would_be_lost_is_counted_since_a_time(living: Shop) -> None:
    connection = await asyncpg.connect(living.url)
    at = await connection.fetchval("SELECT clock_timestamp()")
    await connection.execute("INSERT INTO till.sale (kind, amount) VALUES ('card', 1.50), ('card', 2.25)")
    losses = await losses_since(connection, living.stack, at)
    assert [(each.name, each.title, each.unit, each.of, each.count, each.amount) for each in losses] == [
        ("till/sales", "Sales", "BRL", "card", 2, "3.75")
    ]
    assert await losses_since(connection, living.stack, datetime.now(UTC) + timedelta(days=1)) == ()
    await connection.close()


async def test_a_database_that_is_away_is_told(living: Shop) -> None:
    with pytest.raises(RecoveryFailed, match="cannot be counted"):
        await count_totals("postgresql://postgres:x@127.0.0.1:1/postgres", living.stack)


def test_every_bad_file_is_told_with_line_and_mend(tmp_path: Path) -> None:
    root = write_stack(tmp_path / "shop")
    folder = root / "totals"
    folder.mkdir()
    for name, text in {
        "a.sql": "SELECT 1;\n",
        "b.sql": "-- title: b\n-- needs: Till!\n-- unit: count\nSELECT 1;\n",
        "c.sql": "-- title: c\n-- needs: till\n-- unit: count\n",
        "d.since.sql": "-- title: d\n-- needs: till\n-- unit: count\nSELECT 1;\n",
    }.items():
        (folder / name).write_text(text)
    (folder / "e.sql").write_bytes(b"-- title: Pre\xe7o\n")
    with pytest.raises(TotalsError) as caught:
        load_totals(load_stack(root))
    assert str(caught.value).replace(f"{folder}/", "").splitlines() == [
        "a.sql:1: the header has no title; add `-- title: what is counted`",
        "a.sql:1: the header has no needs; add `-- needs: the schemas it reads`",
        "a.sql:1: the header has no unit; add `-- unit: money, count or what else its numbers are`",
        "b.sql:2: 'Till!' is no schema name; write `-- needs: sales, crm`",
        "c.sql:3: has no query; write one that returns rows of (of, value)",
        "d.since.sql:4: does not use $1, the time since when it counts",
        "e.sql:1: cannot be read as UTF-8 text ('utf-8' codec can't decode byte 0xe7 in position 13: "
        "invalid continuation byte); save it as UTF-8",
    ]


def test_a_count_of_what_is_new_needs_its_total(tmp_path: Path) -> None:
    root = write_stack(tmp_path / "shop")
    (root / "modules/till/totals/sales.sql").unlink()
    with pytest.raises(TotalsError, match=r"sales\.since\.sql:1: .* write sales\.sql too"):
        load_totals(load_stack(root))


async def test_those_of_the_erp_count_a_sound_company(pg: PostgresServer) -> None:
    """The same order from quote to ledger that the invariants are tried on."""
    stack = load_stack(ROOT)
    connection = await database_of_all_schemas(pg, "totals", "test")
    try:
        assert await read_totals(connection, stack) != ()
        await connection.execute("SET session_replication_role = replica")
        await connection.execute((ROOT / "tests/invariants/an_order_to_cash.sql").read_text())
        await connection.execute(LINES)
        found = {(each.name, each.of): each for each in await read_totals(connection, stack)}
        assert found["sales/orders", "done"].value == "1"
        assert found["sales/order-value", "done BRL"].value == "20"
        for of in ("orders BRL", "invoices BRL", "payments BRL"):
            assert found["orders-to-cash", of].value == "20"
        debits = [each.value for (name, _), each in found.items() if name == "financial/ledger-debits"]
        credits = [each.value for (name, _), each in found.items() if name == "financial/ledger-credits"]
        assert sum(map(float, debits)) == sum(map(float, credits)) > 0
        balances = {of: each for (name, of), each in found.items() if name == "financial/ledger-balances"}
        assert [each.split(" ")[2:] for each in sorted(balances)] == [["1.1", "BRL"], ["2.1", "BRL"]]
        asked = {each.name for each in load_totals(stack) if not each.since}
        assert {name for name, _ in found} >= asked - {"crm/leads", "financial/receivables", "auth/accounts"}
        losses = await losses_since(connection, stack, datetime(2000, 1, 1, tzinfo=UTC))
        assert {each.name for each in losses} >= {"sales/orders", "financial/invoices", "financial/payments"}
        assert all(each.unit and each.title for each in found.values())
        await connection.execute("UPDATE sales.orders SET currency = 'USD'")
        await connection.execute("UPDATE financial.payments SET currency = 'USD'")
        await connection.execute("UPDATE financial.entries SET currency = 'USD'")
        found = {(each.name, each.of): each for each in await read_totals(connection, stack)}
        assert found["sales/order-value", "done USD"].value == "20"  # no currency is left out
        assert found["orders-to-cash", "orders USD"].value == "20"
        assert found["orders-to-cash", "invoices BRL"].value == "20"
        assert found["orders-to-cash", "payments USD"].value == "20"
        assert {of[-3:] for name, of in found if name == "financial/ledger-balances"} == {"USD"}
        losses = await losses_since(connection, stack, datetime(2000, 1, 1, tzinfo=UTC))
        assert ("done USD", "20") in {(each.of, each.amount) for each in losses}
    finally:
        await connection.close()


def test_numbers_are_written_the_same_whatever_their_scale() -> None:
    from nexus.recovery.backups.totals import _text

    assert [_text(each) for each in ("10.00", "10.50", "0.000", "1E+3", None)] == [
        "10",
        "10.5",
        "0",
        "1000",
        "0",
    ]
