from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from nexus.telemetry.query import QueryError, health, sql, trace, traces_of
from nexus.telemetry.store import Policy, Store
from nexus.telemetry.store.tests.batches import NOW, batch, lines, points

_SQL = import_module("nexus.telemetry.query.sql")
_ORDER = "01a21487-485e-7180-a62f-7cd8a4c50a80"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("store"), Policy(reserve=0))
    yield store
    store.close()


def _spans(store: Store) -> None:
    spans: list[dict[str, Any]] = [
        {
            "trace_id": "a" * 32,
            "span_id": "2" * 16,
            "parent_id": "1" * 16,
            "time": NOW + timedelta(seconds=1),
        },
        {"trace_id": "a" * 32, "span_id": "1" * 16, "attributes": f'{{"order_id":"{_ORDER}"}}'},
        {"trace_id": "b" * 32, "span_id": "3" * 16, "time": NOW + timedelta(seconds=9)},
        {"trace_id": "c" * 32, "span_id": "4" * 16, "events": '[{"name":"retry"}]'},
    ]
    store.append("traces", batch("traces", spans))


def test_a_trace_comes_in_the_order_of_its_spans(store: Store) -> None:
    _spans(store)
    spans = trace(store, "A" * 32)
    assert [span["span_id"] for span in spans] == ["1" * 16, "2" * 16]
    assert spans[0]["attributes"] == {"order_id": _ORDER}
    assert spans[1]["parent_id"] == "1" * 16
    assert trace(store, "c" * 32)[0]["events"] == [{"name": "retry"}]
    assert trace(store, "d" * 32) == []


def test_all_traces_of_an_order_are_found_by_spans_and_by_log_lines(store: Store) -> None:
    _spans(store)
    store.append("logs", lines("paid", trace_id="b" * 32, attributes=f'{{"order_id":"{_ORDER}"}}'))
    assert [span["trace_id"][0] for span in traces_of(store, "order_id", _ORDER)] == ["a", "a", "b"]
    assert traces_of(store, "order_id", "another") == []


def test_health_gives_the_newest_answers_first(store: Store) -> None:
    store.append(
        "health",
        batch(
            "health",
            [
                {"service": "sales", "ok": False, "detail": "connection refused"},
                {"service": "auth"},
                {"service": "sales", "time": NOW + timedelta(seconds=5)},
            ],
        ),
    )
    answers = health(store, ["sales"], limit=5)
    assert [(answer["ok"], answer["detail"]) for answer in answers] == [
        (True, {"status": "ok"}),
        (False, "connection refused"),
    ]
    assert len(health(store, limit=1)) == 1
    assert health(store, until=NOW) == []


def test_sql_sees_friendly_columns_of_every_signal(store: Store) -> None:
    _spans(store)
    store.append("logs", lines("paid", trace_id="b" * 32, attributes='{"n":5}', path="/x"))
    store.append("metrics", points("up", [1.0]))
    answer = sql(
        store,
        "SELECT logs.body, logs.trace_id, attributes->>'n' AS n, path, time,"
        " (SELECT count(*) FROM spans) AS spans,"
        " (SELECT max(value) FROM metrics WHERE name = 'up') AS up FROM logs",
    )
    assert answer.columns == ["body", "trace_id", "n", "path", "time", "spans", "up"]
    assert answer.rows == [("paid", "b" * 32, "5", "/x", NOW, 4, 1.0)]


def test_sql_works_before_anything_was_collected(empty: Store) -> None:
    for view in ("logs", "spans", "metrics", "health", "business", "drops", "actions"):
        assert sql(empty, f"SELECT * FROM {view}").rows == []
    described = sql(empty, "DESCRIBE logs").rows
    assert ("trace_id", "VARCHAR") in [row[:2] for row in described]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("DELETE FROM logs", "only reading"),
        ("CREATE TABLE x(a INT)", "only reading"),
        ("SET threads = 1", "only reading"),
        ("PRAGMA database_size", "only reading"),
        ("ATTACH '/tmp/x.db'", "only reading"),
        ("COPY (SELECT 1) TO '/tmp/x.csv'", "only reading"),
        ("EXPLAIN ANALYZE SELECT 1", "only reading"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("", "0 statements"),
        ("SELECT * FROM read_text('/etc/passwd')", "read_text.. is not allowed"),
        ("SELECT * FROM '/etc/passwd'", "no view '/etc/passwd'"),
        ("FROM glob('**')", "glob.. is not allowed"),
        ("SELECT 1 WHERE EXISTS (FROM duckdb_databases())", "duckdb_databases.. is not allowed"),
        ("SELECT (SELECT 1 FROM checkpoint())", "checkpoint.. is not allowed"),
        ("DESCRIBE FROM query('FROM checkpoint()')", "query.. is not allowed"),
        ("WITH a AS (FROM enable_logging()) FROM a", "enable_logging.. is not allowed"),
        ("FROM range(1), query_table('x')", "query_table.. is not allowed"),
        ("SELECT 1 UNION ALL SELECT current_setting('temp_directory')", "current_setting.. is not allowed"),
        ("FROM logs WHERE pg_sleep(9) IS NULL", "pg_sleep.. is not allowed"),
        ("FROM duckdb_settings", "no view 'duckdb_settings'"),
        ("FROM information_schema.tables", "no view 'information_schema.tables'"),
        ("FROM catalogue.sealed", "no view 'catalogue.sealed'"),
        ("FROM day1.rows", "no view 'day1.rows'"),
        ("WITH a AS (FROM duckdb_settings), duckdb_settings AS (SELECT 1) FROM a", "no view"),
        ("FROM (WITH duckdb_settings AS (SELECT 1) FROM duckdb_settings), duckdb_settings", "no view"),
        ("SHOW ALL TABLES", "only a view or a query can be described"),
        ("PIVOT logs ON service USING count(*)", "2 statements"),
        ("SELECT nothing FROM logs", "(?s)nothing.*LINE 1"),
        ("SELEC 1", "(?s)SELEC.*LINE 1"),
    ],
)
def test_sql_only_reads_telemetry(empty: Store, text: str, why: str) -> None:
    with pytest.raises(QueryError, match=why):
        sql(empty, text)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) FROM n", 3),
        ("WITH a AS (FROM logs), b AS (FROM a) SELECT count(*) FROM b, LATERAL (SELECT b.body)", 1),
        ("SELECT l.body, x FROM Logs AS l, unnest([1, 2]) t(x)", 0),
        ("FROM range(2) UNION ALL (VALUES (5))", 3),
        ("SUMMARIZE metrics", 5),
        ("SELECT count(*) FROM (PIVOT (FROM logs) ON service IN ('a') USING count(*))", 1),
        ("SELECT list_transform([1], lambda x: x + 1), '{\"a\":1}'->>'a'", 1),
        ("SELECT key FROM json_each('{\"a\":1}')", 1),
    ],
)
def test_sql_computes_what_it_is_asked(empty: Store, text: str, rows: int) -> None:
    assert len(sql(empty, text).rows) == rows


def test_sql_over_a_view_that_cannot_be_made_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_SQL, "view", lambda *_: "SELECT 1 AS seq, nothing")
    store.append("logs", lines("a"))
    with pytest.raises(QueryError, match="views cannot be made"):
        sql(store, "FROM logs")
    assert len(store.days("logs")) == 1


def test_sql_runs_where_it_cannot_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_SQL, "check", lambda *_: None)
    with pytest.raises(QueryError, match="read-only"):
        sql(store, "INSERT INTO catalogue.actions VALUES (now(), 'forged')")


def test_sql_is_bounded_in_time_and_rows(store: Store) -> None:
    began = time.monotonic()
    with pytest.raises(QueryError, match=r"longer than 0\.2 s"):
        sql(store, "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b", seconds=0.2)
    assert time.monotonic() - began < 10
    answer = sql(store, "FROM range(10)", limit=3)
    assert (answer.rows, answer.more) == ([(0,), (1,), (2,)], True)


def test_sql_that_needs_too_much_memory_is_told(store: Store) -> None:
    with pytest.raises(QueryError, match="memory"):
        sql(store, "SELECT list(repeat('x', 100000) || range) FROM range(100000)", seconds=20)
    store.append("logs", lines("still written"))
