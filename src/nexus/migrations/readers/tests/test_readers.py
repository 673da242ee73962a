"""Who reads which columns of a stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.migrations.effects.effect import Table
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.readers import Reader, readers_of
from nexus.stack import Stack, load_stack

ROOT = Path(__file__).resolve().parents[5]
MODULE = """
name: {name}
runtime: command
command: ["true"]
needs: {{hard: [postgres]}}
port: {port}
database: {{schema: {name}, migrations: {{format: prisma, path: migrations}}}}
"""


@pytest.fixture(scope="module")
def erp() -> tuple[Reader, ...]:
    return readers_of(load_stack(ROOT))


def of(readers: tuple[Reader, ...], kind: str, table: str, column: str | None) -> set[str]:
    return {
        each.name
        for each in readers
        if each.kind == kind and str(each.table) == table and each.column == column
    }


def test_kpis_invariants_and_objectives_of_the_erp_are_read(erp: tuple[Reader, ...]) -> None:
    assert "orders-stuck" in of(erp, "kpi", "sales.orders", "reconciled_at")
    assert "order-to-cash/completed" in of(erp, "objective", "sales.orders", "done_at")
    assert "done-orders-are-invoiced-once" in of(erp, "invariant", "financial.invoices", "total")
    assert "order-total-is-sum-of-lines" in of(erp, "invariant", "sales.orders", "total")
    assert "order.confirmed lines[].unit_price" in of(erp, "contract", "sales.", "unit_price")


def test_every_place_names_the_line_that_has_the_column(erp: tuple[Reader, ...]) -> None:
    wrong = [
        each.place
        for each in erp
        if each.column and each.column not in (ROOT / each.file).read_text().splitlines()[each.line - 1]
    ]
    assert wrong == []


def test_all_columns_that_the_erp_reads_are_of_tables_that_its_migrations_make(
    erp: tuple[Reader, ...],
) -> None:
    texts = "\n".join(file.read_text() for file in ROOT.glob("modules/*/migrations/*/migration.sql"))
    unknown = {
        str(each.table) for each in erp if each.table.name and f"TABLE {each.table.name} (" not in texts
    }
    assert unknown == set()


def made(folder: Path, files: dict[str, str]) -> Stack:
    (folder / "nexus.yaml").write_text(
        "name: shop\nbricks: [modules/*]\ninfrastructure:\n"
        "  postgres: {kind: database, runtime: postgres, port: 5499}\n"
    )
    for number, name in enumerate(("crm", "sales")):
        files.setdefault(f"modules/{name}/module.yaml", MODULE.format(name=name, port=5901 + number))
        files.setdefault(f"modules/{name}/migrations/migration_lock.toml", 'provider = "postgresql"\n')
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load_stack(folder)


def test_migrations_that_name_another_modules_schema_are_readers_and_their_own_tables_are_not(
    tmp_path: Path,
) -> None:
    sql = (
        "CREATE TABLE own (id int);\nCREATE VIEW v AS\nSELECT o.id, c.email FROM own o, crm.customers c;\n"
        "CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS\n"
        "  'BEGIN RETURN (SELECT 1 FROM crm.leads); END';"
    )
    stack = made(tmp_path, {"modules/sales/migrations/20260101000000_a/migration.sql": sql})
    found = {(each.who, each.kind, each.table, each.column, each.line) for each in readers_of(stack)}
    assert found == {
        ("sales", "sql", Table("crm", "customers"), "email", 3),
        ("sales", "sql", Table("crm", "leads"), None, 4),
    }


def test_a_contract_that_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    stack = made(tmp_path, {"modules/sales/contracts/uses.json": '{"crm":\n}'})
    with pytest.raises(MigrationUnreadable, match=r"uses.json:2: is no JSON"):
        readers_of(stack)
