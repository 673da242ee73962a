# ruff: noqa: E501 - the expected messages stand whole, as the reader sees them
import json
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from nexus.stack import Kpi, ManifestError, Process, Stack, load_stack

Write = Callable[..., Path]
STACK = """\
name: shop
infrastructure: {db: {kind: database, runtime: postgres, port: 5433}}
"""
BRICK = """\
name: sales
runtime: python
port: 9001
needs: {hard: [db]}
routes: [/api/sales]
database: {schema: sales}
"""
GOOD_KPI = "{name: worth, unit: BRL, better: higher, sql: kpis/worth.sql}"


@pytest.fixture
def shop(write: Write) -> Callable[..., Path]:
    """A stack with one brick, its KPIs, SQL files by name and the process `cash` as YAML."""

    def build(kpis: str = GOOD_KPI, process: str = "", **files: str) -> Path:
        told = STACK + (f"processes:\n  cash:\n{indent(process, '    ')}" if process else "")
        root = write(told, sales=f"{BRICK}kpis: [{kpis}]\n")
        folder = root / "modules" / "sales" / "kpis"
        folder.mkdir(exist_ok=True)
        for name, text in {"worth": "SELECT 1 AS value", **files}.items():
            (folder / f"{name}.sql").write_text(text)
        return root

    return build


def faults(root: Path) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load_stack(root)
    return [line.replace(f"{root}/", "") for line in str(caught.value).splitlines()]


def kpis_of(stack: Stack) -> list[Kpi]:
    return [kpi for service in stack.services for kpi in service.kpis]


def test_a_kpi_knows_its_module_its_schema_and_the_text_of_its_file(shop: Callable[..., Path]) -> None:
    root = shop(
        "{name: stuck, unit: orders, better: lower, every: 10s, sql: kpis/stuck.sql, labels: [step], limit: 3, title: {en: Stuck}},"
        "{name: ok, unit: '%', better: higher, metric: 'sum(rate(up[5m]))'}",
        stuck="-- DROP is only a word here\nSELECT step, count(*) AS value FROM sales.orders WHERE note = 'DELETE; all' GROUP BY 1;\n",
    )
    stuck, ok = kpis_of(load_stack(root))
    assert (stuck.module, stuck.needs, stuck.every, stuck.labels) == ("sales", ("sales",), 10.0, ("step",))
    assert stuck.sql.endswith("GROUP BY 1")
    assert (stuck.beyond(4), stuck.beyond(3), ok.beyond(0)) == (True, False, False)
    assert (ok.sql, ok.needs, ok.every, ok.title) == ("", (), 30.0, {"en": "ok"})
    for kpi in (stuck, ok):
        assert Kpi.from_dict(json.loads(json.dumps(kpi.as_dict()))) == kpi


@pytest.mark.parametrize(
    ("kpi", "expected"),
    [
        ("{name: a, unit: x, better: higher}", "kpis.0: needs either `sql` or `metric`; write one of them"),
        (
            "{name: a, unit: x, better: higher, sql: kpis/worth.sql, metric: up}",
            "kpis.0: needs either `sql` or `metric`; write one of them",
        ),
        (
            "{name: a, unit: x, better: higher, metric: 'sum(rate(up[5m])'}",
            "kpis.0.metric: is not PromQL (unclosed left parenthesis); mend the expression",
        ),
        (
            "{name: a, unit: x, better: higher, metric: up, every: 2s}",
            "kpis.0.every: 2s is not between 5s and 1d; write it like 30s or 5m",
        ),
        (
            "{name: a, unit: x, better: more, metric: up}",
            "kpis.0.better: 'more': input should be 'higher' or 'lower'; use 'higher' or 'lower'",
        ),
        (
            "{name: a, unit: x, better: higher, sql: kpis/none.sql}",
            "kpis.0.sql: kpis/none.sql does not exist; write it or mend the path",
        ),
        (
            "{name: a, unit: x, better: higher, sql: ../sales/../../other.sql}",
            "kpis.0.sql: '../sales/../../other.sql': string should match pattern '^(\\./)?[A-Za-z0-9_-][A-Za-z0-9_./-]*\\.sql$'; "
            "use the pattern ^(\\./)?[A-Za-z0-9_-][A-Za-z0-9_./-]*\\.sql$",
        ),
        (
            "{name: a, unit: x, better: higher, sql: kpis/worth.sql, needs: [salez]}",
            "kpis.0.needs: no module has the schema 'salez'; did you mean 'sales'?",
        ),
        (
            f"{GOOD_KPI}, {GOOD_KPI}",
            "kpis.1.name: 'worth' is taken by sales; a KPI's name is its own in the whole stack",
        ),
    ],
)
def test_a_bad_kpi_is_told_by_line_field_and_mend(shop: Callable[..., Path], kpi: str, expected: str) -> None:
    assert faults(shop(kpi)) == [f"modules/sales/module.yaml:7: {expected}"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", "1: holds no query; write one SELECT"),
        ("-- nothing\n", "1: holds no query; write one SELECT"),
        ("\nDELETE FROM t", "2: begins with DELETE; write one SELECT"),
        ("SELECT 1 AS value;\nSELECT 2", "1: holds more than one statement; keep one SELECT"),
        (
            "WITH gone AS (\n  DELETE FROM t RETURNING 1) SELECT 1 AS value",
            "2: DELETE has no place in a figure; only read, with one SELECT",
        ),
        ("/* value */ SELECT 1 AS values", "1: returns no column value; select value"),
    ],
)
def test_a_query_that_is_no_single_select_of_a_value_is_told_by_its_line(
    shop: Callable[..., Path], sql: str, expected: str
) -> None:
    assert faults(shop(worth=sql)) == [f"modules/sales/kpis/worth.sql:{expected}"]


PROCESS = """\
value: worth
kpis: [worth]
objectives:
  availability: {target: 99.9%}
  latency: {target: 95%, within: 800ms}
  facts: {target: 90%, sql: facts.sql, needs: [sales]}
steps:
  - {name: quote, module: sales, requests: [POST /api/sales/orders, "GET /api/sales/orders/{id}"]}
"""
FACTS = "SELECT minute, good, total FROM sales.orders WHERE at >= $1 AND at < $2"


def test_a_process_knows_what_it_is_worth_and_what_is_promised(shop: Callable[..., Path]) -> None:
    root = shop(process=PROCESS)
    (root / "facts.sql").write_text(FACTS)
    process = load_stack(root).processes["cash"]
    assert (process.value, process.kpis) == ("worth", ("worth",))
    assert [(o.name, o.kind, o.target, o.within, o.sql) for o in process.objectives] == [
        ("availability", "availability", 0.999, None, ""),
        ("latency", "latency", 0.95, 0.8, ""),
        ("facts", "facts", 0.9, None, FACTS),
    ]
    assert Process.from_dict(json.loads(json.dumps(process.as_dict(), default=dict))) == process


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("value: worth", "value: wort", 5, "value: no KPI is named 'wort'; did you mean 'worth'?"),
        ("kpis: [worth]", "kpis: [cash]", 6, "kpis.0: no KPI is named 'cash'; known: worth"),
        (
            "99.9%",
            "1.1",
            8,
            "objectives.availability.target: 1.1 is no share between 0% and 100%; write it like 99.9%",
        ),
        (
            "95%, within",
            "100%, within",
            9,
            "objectives.latency.target: '100%' is no share between 0% and 100%; write it like 99.9%",
        ),
        (
            "facts.sql, needs: [sales]",
            "facts.sql",
            10,
            "objectives.facts: `sql` and `needs` go together; name the schemas that the SQL reads",
        ),
        (
            "needs: [sales]",
            "needs: [stock]",
            10,
            "objectives.facts.needs: no module has the schema 'stock'; known: sales",
        ),
        (
            "facts.sql",
            "fact.sql",
            10,
            "objectives.facts.sql: fact.sql does not exist; write it or mend the path",
        ),
        (
            "POST /api/sales/orders,",
            "POST /api/stock,",
            12,
            "steps.0.requests.0: /api/stock is under none of sales's routes; its routes: /api/sales",
        ),
        (
            'requests: [POST /api/sales/orders, "GET /api/sales/orders/{id}"]',
            "title: x",
            8,
            "objectives.availability: counts requests, and no step names any; give a step its `requests`, or write `sql`",
        ),
        (
            "module: sales,",
            "module: sale,",
            12,
            "steps.0.module: no service is named 'sale'; did you mean 'sales'?",
        ),
    ],
)
def test_a_bad_process_is_told_by_line_field_and_mend(
    shop: Callable[..., Path], old: str, new: str, line: int, expected: str
) -> None:
    assert old in PROCESS
    root = shop(process=PROCESS.replace(old, new))
    (root / "facts.sql").write_text(FACTS)
    assert f"nexus.yaml:{line}: processes.cash.{expected}" in faults(root)


def test_what_a_process_is_worth_is_an_amount_of_money(shop: Callable[..., Path]) -> None:
    kpi = "{name: worth, unit: orders, better: higher, sql: kpis/worth.sql}"
    root = shop(kpi, process="value: worth\nsteps: [{name: a, module: sales}]\n")
    assert faults(root) == [
        "nexus.yaml:5: processes.cash.value: worth is no single amount of money (orders); "
        "name a KPI without labels whose unit is a currency, like BRL"
    ]


def test_facts_are_asked_between_two_moments(shop: Callable[..., Path]) -> None:
    root = shop(process=PROCESS)
    (root / "facts.sql").write_text("SELECT now() AS minute, 1 AS good, 1 AS total WHERE $1 < now()")
    assert faults(root) == ["facts.sql:1: does not use the parameter $2; bound it by $2"]
