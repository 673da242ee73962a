"""The commands on telemetry, on a store that no collector holds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nexus.cli.main import app
from nexus.control.collector.tests.material import (
    ORDER,
    TRACE,
    answer,
    keep,
    line,
    point,
    span,
)
from nexus.telemetry.store import Store

MANIFEST = """
name: shop
telemetry: {entities: {order: [order_id]}}
"""


def nexus(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("shop")
    (root / "nexus.yaml").write_text(MANIFEST)
    _fill(root / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEXUS_ROOT", str(root))
        patch.setenv("NEXUS_HOME", str(root / "home"))
        patch.setenv("COLUMNS", "90")
        yield root / "home"


def _fill(home: Path) -> None:
    store = Store(home / "telemetry")
    lines = [
        line("order confirmed", 50, trace_id=TRACE, attributes={"order_id": ORDER}),
        line("request", 40, method="GET", path="/api/orders", status=200, duration_ms=3.0),
        line("event parked", 30, service="books", severity=17, trace_id=TRACE, span_id="b" * 16),
    ]
    keep(store, "logs", lines)
    spans = [
        span("a" * 16, None, "sales", 50, 40, attributes={"order_id": ORDER}),
        span("b" * 16, "a" * 16, "books", 49.98, 5),
    ]
    keep(store, "traces", spans)
    keep(store, "metrics", [point("up", 1, before, service="sales") for before in (20, 5)])
    keep(store, "business", [point("nexus_kpi", 1234.5, 5, kpi="value", module="sales", unit="BRL")])
    keep(store, "health", [answer("live", True, 5), answer("ready", False, 5, "refused")])
    store.dropped("crm", "disk full", 7)
    store.close()


def test_logs_shows_lines_of_all_services_and_tells_what_was_lost() -> None:
    done = nexus("logs")
    assert [row.split(maxsplit=3)[1:] for row in done.stdout.splitlines()] == [
        ["sales", "info", f"order confirmed order_id={ORDER} {TRACE[:8]}"],
        ["sales", "info", "GET /api/orders 200 3.0 ms"],
        ["books", "error", f"event parked {TRACE[:8]}"],
    ]
    assert done.stderr == "nexus: lost: crm: 7 (disk full)\n"


def test_logs_of_an_order_are_found_by_the_option_that_the_stack_declares() -> None:
    rows = [json.loads(row) for row in nexus("logs", "--order", ORDER, "--json").stdout.splitlines()]
    assert [row["body"] for row in rows] == ["order confirmed", "event parked"]
    assert rows[0]["time"].endswith("Z")


def test_a_trace_is_drawn_with_its_log_lines() -> None:
    lines = nexus("trace", "--order", ORDER, "--logs").stdout.splitlines()
    assert lines[0].startswith(f"trace {TRACE}")
    assert lines[1].startswith("sales work of sales")
    assert lines[2].startswith("books   work of books")
    assert lines[3].endswith("books error: event parked")
    assert lines[5].startswith("work by service: sales ")


def test_a_trace_without_spans_says_where_its_lines_are() -> None:
    done = nexus("trace", "c" * 32)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"`nexus logs --trace {'c' * 32}`" in done.stderr


def test_metrics_are_listed_asked_and_plotted() -> None:
    assert "up         gauge           1\n2 metrics, 2 series\n" in nexus("metrics").stdout
    assert nexus("metrics", "up").stdout == '1  up{service="sales"}\n'
    drawn = nexus("metrics", "up", "--plot").stdout.splitlines()
    assert drawn[-1] == '━ up{service="sales"}  1'
    assert max(map(len, drawn)) == 90


def test_metrics_since_a_time_are_told_over_time_whatever_the_time() -> None:
    for since in ("1h", "59m"):
        first, point = nexus("metrics", "up", "--since", since).stdout.splitlines()[:2]
        assert (first, point.split()[-1]) == ('up{service="sales"}', "1")


def test_a_refusal_is_told_in_the_operators_language(spoken_by: Callable[[str], None]) -> None:
    spoken_by("pt-BR")
    done = nexus("trace", "abcdef")
    assert (done.exit_code, done.stderr) == (2, "nexus: nenhum trace começa com 'abcdef'\n")


def test_a_kpi_is_shown_as_its_unit_is_written() -> None:
    assert "R$ 1.234,50" in nexus("kpi").stdout
    assert nexus("kpi", "value").stdout.splitlines()[-1] == (
        "━ now R$ 1.234,50, least R$ 1.234,50, most R$ 1.234,50"
    )


def test_health_tells_what_fails_and_what_telemetry_holds() -> None:
    lines = nexus("health").stdout.splitlines()
    assert lines[1] == "sales-1  ok       fail     -        refused"
    assert lines[4].endswith("sales-1 ready: fail refused")
    assert lines[6].startswith("telemetry holds: logs 3 rows, ")
    assert lines[7] == "lost: crm: 7 (disk full)"


def test_sql_prints_tables_csv_and_json() -> None:
    text = "SELECT service, count(*) AS n FROM logs GROUP BY ALL ORDER BY n DESC"
    assert nexus("sql", text).stdout == "service  n\n-------  -\nsales    2\nbooks    1\n2 rows\n"
    assert nexus("sql", text, "--csv").stdout == "service,n\nsales,2\nbooks,1\n"
    first = nexus("sql", text, "--json", "--limit", "1")
    assert json.loads(first.stdout) == [{"service": "sales", "n": 2}]
    assert first.stderr == "nexus: only the first 1 rows are shown; --limit shows more\n"


def test_top_prints_one_picture_that_fits() -> None:
    lines = nexus("top", "--once").stdout.splitlines()
    assert lines[0].startswith("shop not ready")
    assert max(map(len, lines)) <= 90


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("logs", "--since", "soon"), "'soon' is no point of time"),
        (("logs", "--since", "1h", "--until", "2h"), "is not before --until"),
        (("logs", "--level", "loud"), "level='loud' is not one of"),
        (("logs", "--grep", "("), "missing )"),
        (("logs", "--where", "x"), "where='x' is not of the form field=value"),
        (("logs", "--colour"), "no such option --colour; this stack's entities: --order"),
        (("logs", "nobody", "--level", "warn"), "no log of nobody yet; there are: books, sales"),
        (("logs", "-f", "--until", "now"), "--follow goes on for ever"),
        (("trace",), "name a trace, or a thing such as --order ID"),
        (("trace", "xyz"), "'xyz' is no trace id"),
        (("metrics", "sum("), "sum("),
        (("metrics", "up", "--step", "fast"), "--step: 'fast' is no amount of time"),
        (("kpi", "none"), "no KPI 'none'"),
        (("sql", "DELETE FROM logs"), "only reading is possible"),
        (("sql", "SELECT 1", "--csv", "--json"), "--csv and --json exclude each other"),
        (("top",), "this is no terminal; --once prints one picture"),
    ],
)
def test_bad_input_ends_with_2_and_one_message(arguments: tuple[str, ...], said: str) -> None:
    done = nexus(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("nexus: ")
    assert said in done.stderr
    assert done.stdout == ""


def test_without_anything_collected_the_raw_log_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "sales.log").write_text("one\ntwo\n")
    assert nexus("logs", "-n", "1").stdout == "two\n"
    done = nexus("logs", "--level", "warn")
    assert (done.exit_code, done.stderr) == (
        2,
        "nexus: nothing was collected yet; telemetry starts with the stack: `nexus up`\n",
    )


def test_raw_lines_of_a_service_that_telemetry_has_nothing_of_are_shown(home: Path) -> None:
    (home / "logs").mkdir(exist_ok=True)
    (home / "logs" / "crm.log").write_text("one\n")
    assert nexus("logs", "crm").stdout == "one\n"
    assert "there are: books, crm, sales" in nexus("logs", "nobody").stderr
    assert os.listdir(home / "logs") == ["crm.log"]
