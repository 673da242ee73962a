"""What others read cannot be taken from them unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.migrations.effects.effect import Table
from nexus.migrations.linting.rules.reads import Taken, reads
from nexus.migrations.linting.tests.linting import ORDERS, found, living, rules
from nexus.migrations.readers import Reader

CONTRACT = "-- nexus: phase=contract\n"


def reader(kind: str, table: Table, column: str | None, who: str = "stack", name: str = "one") -> Reader:
    return Reader(who, kind, table, column, Path(f"{kind}.sql"), 7, name)  # type: ignore[arg-type]


READS = [
    ("drops-what-others-read", "ALTER TABLE orders DROP COLUMN a", "ALTER TABLE orders DROP COLUMN b"),
    ("drops-what-others-read", "DROP TABLE orders", "DROP TABLE lines"),
    ("drops-what-others-read", "DROP SCHEMA sales CASCADE", "DROP SCHEMA other"),
    (
        "renames-what-others-read",
        "ALTER TABLE orders RENAME COLUMN a TO z",
        "ALTER TABLE orders RENAME COLUMN b TO z",
    ),
    ("renames-what-others-read", "ALTER TABLE orders RENAME TO z", "ALTER INDEX orders_a RENAME TO z"),
    ("renames-what-others-read", "ALTER TABLE orders SET SCHEMA crm", "ALTER TABLE lines SET SCHEMA crm"),
    (
        "changes-type-others-read",
        "ALTER TABLE orders ALTER COLUMN a TYPE text",
        "ALTER TABLE orders ALTER COLUMN b TYPE char(5)",
    ),
]


@pytest.mark.parametrize(("rule", "bad", "good"), READS, ids=[each[1] for each in READS])
def test_what_others_read_is_told_with_who_reads_it_where(rule: str, bad: str, good: str) -> None:
    readers = [reader("kpi", ORDERS, "a", name="orders-stuck")]
    told = {each.rule: each for each in found(bad, living(), readers)}
    assert "the KPI orders-stuck of the stack (kpi.sql:7)" in told[rule].sentence
    assert rule not in rules(found(good, living(), readers))


def test_who_reads_all_columns_reads_the_dropped_one_and_who_counts_rows_does_not() -> None:
    sql = "ALTER TABLE orders DROP COLUMN a"
    assert "drops-what-others-read" in rules(found(sql, living(), [reader("invariant", ORDERS, None)]))
    assert "drops-what-others-read" not in rules(found(sql, living(), [reader("invariant", ORDERS, "")]))


def test_a_contracts_field_of_that_name_is_a_warning_where_it_is_about_that_table() -> None:
    sql = "ALTER TABLE orders DROP COLUMN a"
    nowhere = Table("sales", "")
    for use in ("order.confirmed a", "GET /api/sales/orders/{order_id} items[].a"):
        (told,) = [
            each
            for each in found(sql, living(), [reader("contract", nowhere, "a", "financial", use)])
            if each.rule == "drops-what-others-read"
        ]
        assert told.level == "warning"
        assert f"the contract of financial ({use}) (contract.sql:7)" in told.sentence
    about_lines = [reader("contract", nowhere, "a", "financial", "line.added a")]
    assert "drops-what-others-read" not in rules(found(sql, living(), about_lines))


def test_a_contract_waits_for_the_release_of_who_reads_what_it_takes() -> None:
    readers = [reader("sql", ORDERS, "a", "crm")]
    drop = "ALTER TABLE orders DROP COLUMN a"
    told = {each.rule: each for each in found(CONTRACT + drop, living(), readers)}
    assert told["contract-without-release"].level == "error"
    assert "-- nexus: after-release=crm>=1.0.0" in told["contract-without-release"].rewrite
    waits = f"{CONTRACT}-- nexus: after-release=crm>=2.0.0\n{drop}"
    assert "contract-without-release" not in rules(found(waits, living(), readers))
    assert "contract-without-release" not in rules(found(drop, living(), [reader("kpi", ORDERS, "a")]))


@pytest.mark.parametrize(
    ("use", "table", "about"),
    [
        ("order.confirmed lines[].total", "order_lines", True),
        ("order.confirmed total", "orders", True),
        ("order.confirmed total", "order_lines", False),
        ("company.created total", "companies", True),
        ("GET /api/sales/price-lists items[].total", "price_lists", True),
        ("GET /api/sales/customers items[].total", "orders", False),
    ],
)
def test_a_contract_is_about_the_tables_whose_names_it_has(use: str, table: str, about: bool) -> None:
    each = reader("contract", Table("sales", ""), "total", "crm", use)
    assert reads(each, Taken(Table("sales", table), "total", "drops")) is about
