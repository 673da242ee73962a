from __future__ import annotations

import pytest

from nexus.migrations.applying.units import Unit, sendings, units
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Migration
from nexus.migrations.statements import statements


def cut(sql: str) -> list[str]:
    return [shown(unit) for unit in units(statements(Migration("1_cut", sql, "")))]


def shown(unit: Unit) -> str:
    return f"{unit.kind} {','.join(str(each.number) for each in unit.statements)}"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        ("SELECT 1; SELECT 2", ["together 1", "together 2"]),
        ("SET x.y = 1; SET LOCAL x.y = 2; RESET ALL", ["setting 1", "together 2", "setting 3"]),
        ("BEGIN; SELECT 1; SAVEPOINT a; RELEASE a; END; SELECT 2", ["own 1,2,3,4,5", "together 6"]),
        ("START TRANSACTION; ROLLBACK; begin; abort", ["own 1,2", "own 3,4"]),
        ("CREATE INDEX CONCURRENTLY i ON t (a); VACUUM t; ANALYZE t", ["alone 1", "alone 2", "together 3"]),
        ("REINDEX SCHEMA shop; REINDEX DATABASE; CLUSTER", ["alone 1", "alone 2", "alone 3"]),
        ("REINDEX TABLE t; CLUSTER t; CLUSTER t USING i", ["together 1", "together 2", "together 3"]),
        (
            "ALTER DATABASE erp SET TABLESPACE fast; ALTER DATABASE erp RESET ALL",
            ["alone 1", "together 2"],
        ),
        ("SELECT 1;\n-- nexus: batch=5\nUPDATE t SET a = 1", ["together 1", "batches 2"]),
        ("PREPARE p AS SELECT 1; EXECUTE p; DEALLOCATE p", ["together 1", "together 2", "together 3"]),
    ],
)
def test_a_script_falls_into_what_becomes_true_at_once(sql: str, expected: list[str]) -> None:
    assert cut(sql) == expected


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("BEGIN; BEGIN; COMMIT", "the transaction of line 1 goes on"),
        ("SAVEPOINT a", "no transaction is open here"),
        ("BEGIN; SELECT 1;\nCOMMIT AND CHAIN", ":2: COMMIT AND CHAIN: AND CHAIN is not understood"),
        (
            "BEGIN;\n-- nexus: batch=5\nDELETE FROM t; COMMIT",
            ":3: DELETE FROM t: what runs in batches cannot",
        ),
    ],
)
def test_transactions_that_do_not_go_together_are_refused(sql: str, why: str) -> None:
    with pytest.raises(MigrationUnreadable) as refused:
        cut(sql)
    assert why in str(refused.value)


def test_rows_are_sent_at_once_up_to_a_size() -> None:
    row = f"INSERT INTO t VALUES ('{'x' * 50_000}')"
    script = statements(Migration("1_rows", ";".join(["SELECT 1", row, row, row, row, "SELECT 2"]), ""))
    assert [tuple(each.number for each in group) for group in sendings(script)] == [
        (1,),
        (2, 3),
        (4, 5),
        (6,),
    ]
