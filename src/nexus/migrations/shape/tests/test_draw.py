from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nexus.migrations.effects.effect import Table, TableFacts
from nexus.migrations.migration import Source
from nexus.migrations.readers import readers_of
from nexus.migrations.shape import draw, events_of, read_shape
from nexus.migrations.shape.drawing.words import _PT
from nexus.migrations.shape.tests.modules import ERP, connected, erp, run, source_of, write
from nexus.stack import load_stack


@dataclass(frozen=True)
class Reading:
    who: str
    kind: str
    table: Table
    column: str | None = None
    name: str = ""


TABLES = """SELECT relname::text AS n FROM pg_class WHERE relnamespace = '{schema}'::regnamespace
    AND relkind IN ('r', 'p') AND relname <> '_prisma_migrations'"""
READERS = (
    Reading("stack", "invariant", Table("sales", "orders"), "total", "paid-once"),
    Reading("stack", "invariant", Table("sales", "orders"), "id", "paid-once"),
    Reading("stack", "invariant", Table("sales", "orders"), "", "some"),
    Reading("crm", "contract", Table("sales", "orders")),
    Reading("sales", "kpi", Table("sales", "orders"), "state"),
)


async def shape_of(dsn: str, *schemas: str) -> Any:
    async with connected(dsn) as connection:
        return await read_shape(connection, schemas)


def diagrams(text: str) -> list[str]:
    return re.findall(r"```mermaid\n(.*?)\n```", text, re.DOTALL)


@pytest.fixture
def odd(tmp_path: Path) -> Source:
    write(
        tmp_path,
        "20260101000000_odd",
        """
        CREATE TABLE "a ""b"" 100%" ("the key" int PRIMARY KEY, "1st" text[], "ação" timestamptz(3));
        COMMENT ON COLUMN "a ""b"" 100%"."1st" IS 'one | two
            <three>';
        CREATE TABLE "erDiagram" (id bigint PRIMARY KEY, "class" varchar(3)[] NOT NULL, at numeric(12, 2),
            pk int REFERENCES "a ""b"" 100%", self bigint UNIQUE NOT NULL REFERENCES "erDiagram");
        CREATE TABLE log (at date) PARTITION BY RANGE (at);
        CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        CREATE TABLE nothing ();
        CREATE VIEW seen AS SELECT id FROM "erDiagram";
        CREATE TYPE mood AS ENUM ('good', 'b|d');
        """,
    )
    return source_of("odd", tmp_path)


async def test_the_map_of_the_erp_has_all_tables_and_columns(make_database: Any) -> None:
    sources = erp()
    dsn = await make_database(*sources)
    shape = await shape_of(dsn, *(each.schema for each in sources))
    text = draw(shape, sources, READERS, "en", events_of(load_stack(ERP.parent)))
    assert len(diagrams(text)) == 7
    for source in sources:
        section = text.partition(f"\n## {source.module}\n")[2].partition("\n## ")[0]
        tables = [row["n"] for row in await run(dsn, TABLES.format(schema=source.schema))]
        assert tables
        for table in tables:
            escaped = table.replace("_", r"\_")
            assert f"\n### {source.schema}.{escaped}\n" in section
            assert f'    "{table}" {{' in section
    for column in shape.kind("column"):
        assert f"| {column.key.name} |".replace("_", r"\_") in text
    assert draw(shape, tuple(reversed(sources)), READERS, "en", events_of(load_stack(ERP.parent))) == text


async def test_the_overview_says_who_reads_and_tells_whom(make_database: Any) -> None:
    sources = [each for each in erp() if each.module in ("crm", "sales")]
    dsn = await make_database(*sources)
    shape = await shape_of(dsn, "crm", "sales")
    events = [
        each for each in events_of(load_stack(ERP.parent)) if {each.teller, each.listener} == {"crm", "sales"}
    ]
    text = draw(shape, sources, READERS, "en", events)
    tables = {each.module: len(list(shape.kind("table", each.schema))) for each in sources}
    assert diagrams(text)[0].splitlines() == [
        "flowchart LR",
        f'    m0["crm: {tables["crm"]} tables"]',
        f'    m1["sales: {tables["sales"]} tables"]',
        '    m2(["stack"])',
        '    m0 -->|"customer.created, customer.updated, customer.merged"| m1',
        '    m0 -.->|"contract"| m1',
        '    m2 -.->|"invariant"| m1',
    ]
    orders = text.partition("\n### sales.orders\n")[2].partition("\n### ")[0]
    assert "- stack (invariant paid-once): `id`, `total`\n- stack (invariant some): rows\n" in orders
    assert "- crm (contract): whole table" in orders
    assert "- sales (KPI): `state`" in orders
    assert "| sales | sales | sales\\_owner | sales |" in text
    assert '    "price_lists" |o--o{ "orders" : "company_id, price_list_id"' in text


async def test_the_readers_of_the_erp_are_in_the_map(make_database: Any) -> None:
    sources = erp()
    dsn = await make_database(*sources)
    readers = readers_of(load_stack(ERP.parent))
    text = draw(await shape_of(dsn, *(each.schema for each in sources)), sources, readers, "pt-BR")
    kpis = {each.name for each in readers if each.kind == "kpi" and each.table.schema == "sales"}
    assert kpis
    section = text.partition("\n## sales\n")[2].partition("\n## ")[0]
    assert all(f"- sales (KPI {each}): " in section for each in kpis)


async def test_odd_names_stay_within_the_grammar(make_database: Any, odd: Source) -> None:
    dsn = await make_database(odd)
    text = draw(await shape_of(dsn, "odd"), [odd])
    assert diagrams(text)[1].splitlines() == [
        "erDiagram",
        '    "a _b_ 100_" {',
        '        integer _the_key PK "the key"',
        '        text[] _1st "1st"',
        '        timestamptz _a__o "ação"',
        "    }",
        '    "erDiagram" {',
        "        bigint id PK",
        "        varchar[] class",
        "        numeric at",
        '        integer _pk FK "pk"',
        "        bigint self FK,UK",
        "    }",
        '    "log" {',
        "        date at",
        "    }",
        '    "nothing" {',
        "    }",
        '    "a _b_ 100_" |o--o{ "erDiagram" : "pk"',
        '    "erDiagram" ||--o| "erDiagram" : "self"',
    ]
    assert "| 1st | text\\[\\] | yes |  |  | one \\| two \\<three\\> |" in text
    assert "partition of `odd.log` FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')" in text
    assert "- `seen` id bigint" in text
    assert "- `mood` ENUM ('good', 'b\\|d')" in text


async def test_the_map_is_told_in_portuguese_and_with_sizes(make_database: Any, odd: Source) -> None:
    dsn = await make_database(odd)
    sizes = {Table("odd", "erDiagram"): TableFacts(1_234_567, 10, 5_000_000)}
    text = draw(await shape_of(dsn, "odd"), [odd], language="pt-BR", sizes=sizes)
    assert text.startswith("# Mapa dos dados\n")
    assert "| coluna | tipo | nulo | padrão | chave | comentário |" in text
    assert "cerca de 1.234.567 linhas, 4,8 MB" in text
    assert all(_PT.values())
