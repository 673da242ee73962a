"""What the tests of lint share: migrations of one module, and a database as it is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nexus.migrations.effects.effect import Living, Table, TableFacts
from nexus.migrations.linting import lint
from nexus.migrations.linting.finding import Finding
from nexus.migrations.migration import Migration, Source
from nexus.migrations.readers import Reader

SALES = Source("sales", "sales", "sales_owner", "sales", Path("migrations"))
ORDERS = Table("sales", "orders")
_COLUMNS = {"id": "bigint", "a": "integer", "b": "text", "state": "text"}


def facts(rows: int, kind: str = "r") -> TableFacts:
    """A table of so many rows of 100 bytes."""
    not_null = frozenset({"id"})
    return TableFacts(rows, rows * 100, rows * 150, _COLUMNS, not_null, nonempty=rows != 0, kind=kind)


def living(rows: int = 40_000_000, *names: str) -> Living:
    """A database with the tables sales.orders, sales.lines and crm.customers of so many rows."""
    tables = [ORDERS, Table("sales", "lines"), Table("crm", "customers")]
    tables += [Table("sales", each) for each in names]
    return Living({each: facts(rows) for each in tables}, settled=frozenset({"now", "lower"}))


def script(sql: str, name: str = "20260101000000_a") -> Migration:
    """One migration."""
    return Migration(name, sql, "")


def found(
    sql: str,
    known: Living | None = None,
    readers: Sequence[Reader] = (),
    *,
    aside: bool = False,
    source: Source | None = SALES,
) -> tuple[Finding, ...]:
    """The findings of one migration."""
    return lint([(source, script(sql))], known, readers, aside=aside)


def rules(findings: Sequence[Finding]) -> set[str]:
    """The rules of those that count."""
    return {each.rule for each in findings if not each.aside}
