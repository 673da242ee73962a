"""Every format's lines become the same kind of row, and no line is lost on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus.telemetry.parsing import LONGEST, Parser
from nexus.telemetry.records import DEBUG, ERROR, FATAL, INFO, LOGS, WARN
from nexus.telemetry.targets import LogSource

NOW = datetime(2026, 11, 25, 22, 0, tzinfo=UTC)
TRACE, SPAN = "7226d057f9a16c2da7d957812980f891", "bc151c545fdca5a1"


def rows(format: str, *lines: str | bytes, final: bool = True, service: str = "till") -> list[dict[str, Any]]:
    source = LogSource("key", service, "file", "/log", format, "till-9", "r9")  # type: ignore[arg-type]
    raw = [line.encode() if isinstance(line, str) else line for line in lines]
    table, _ = Parser(source).parse(raw, NOW, final)
    if table is None:
        return []
    assert table.schema == LOGS
    found = table.to_pylist()
    for row in found:
        row["attributes"] = orjson.loads(row["attributes"]) if row["attributes"] else {}
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_request_of_a_module_fills_the_columns() -> None:
    line = {
        **{"ts": "2026-11-25T21:05:32.882+00:00", "level": "info", "service": "till", "release": "r1"},
        **{"instance": "till-1", "message": "request", "trace_id": TRACE, "span_id": SPAN, "method": "GET"},
        **{"path": "/api/x/7", "route": "/api/x/{id}", "status": 200, "ms": 37.5, "client": "10.0.0.1"},
        **{"request_id": TRACE, "order_id": "o-1", "nothing": None},
    }
    [row] = rows("json", orjson.dumps(line))
    assert row == {
        **{"time": at("2026-11-25T21:05:32.882"), "observed": NOW, "severity": INFO, "service": "till"},
        **{"instance": "till-1", "release": "r1", "body": "request", "trace_id": TRACE, "span_id": SPAN},
        **{"method": "GET", "path": "/api/x/7", "route": "/api/x/{id}", "status": 200, "duration_ms": 37.5},
        "attributes": {"client.address": "10.0.0.1", "order_id": "o-1"},
    }


def test_what_does_not_fit_its_column_stays_as_an_attribute() -> None:
    line = {"message": "paid", "status": "settled", "method": "pix", "service": "bank", "ms": "soon"}
    [row, other] = rows("json", orjson.dumps(line), orjson.dumps({**line, "status": 201, "trace_id": "x"}))
    assert row["attributes"] == {"status": "settled", "method": "pix", "service": "bank", "ms": "soon"}
    assert (row["service"], row["instance"], row["status"]) == ("till", "till-9", None)
    assert (other["status"], other["trace_id"], other["attributes"]["trace_id"]) == (201, None, "x")


def test_lines_of_many_shapes_keep_their_order() -> None:
    lines = [orjson.dumps({"message": str(i), f"key{i % 7}": i}) for i in range(50)]
    assert [row["body"] for row in rows("json", *lines)] == [str(i) for i in range(50)]


@pytest.mark.parametrize(
    ("line", "severity", "time"),
    [
        ({"level": 30, "time": 1795640732882, "pid": 7, "hostname": "h", "msg": "hi"}, INFO, ".882"),
        ({"level": "warn", "ts": 1795640732.882, "caller": "a.go:7", "msg": "hi"}, WARN, ".882"),
        ({"name": "a", "level": 50, "time": "2026-11-25T21:05:32.882Z", "msg": "hi", "v": 0}, ERROR, ".882"),
        ({"severity": "CRITICAL", "timestamp": "2026-11-25T21:05:32Z", "event": "hi"}, FATAL, ""),
        ({"level": "debug", "@timestamp": "2026-11-25T18:05:32-03:00", "message": "hi"}, DEBUG, ""),
    ],
)
def test_other_writers_of_json_are_understood(line: dict[str, Any], severity: int, time: str) -> None:
    [row] = rows("json", orjson.dumps(line))
    assert (row["severity"], row["body"], row["time"]) == (severity, "hi", at(f"2026-11-25T21:05:32{time}"))


@pytest.mark.parametrize("stamp", ["yesterday", "1969-12-31T00:00:00Z", "2026-11-27T00:00:00Z", 1e300, [1]])
def test_an_absurd_time_becomes_ours_and_is_kept(stamp: object) -> None:
    [row, good] = rows(
        "json",
        orjson.dumps({"ts": stamp, "message": "a"}),
        orjson.dumps({"ts": "2026-11-25T21:05:32Z", "message": "b"}),
    )
    assert (row["time"], row["attributes"]["time.raw"]) == (NOW, stamp)
    assert good["time"] == at("2026-11-25T21:05:32")
    assert good["time"] < NOW + timedelta(days=1)


def test_a_stack_trace_is_one_error() -> None:
    python = (
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in <module>\n    boom()\n'
        "ValueError: no\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n"
        '  File "b.py", line 2, in x\n'
        "shop.errors.Refused: twice"
    )
    node = "TypeError: x is not a function\n    at run (a.js:1:1)\n    at b.js:2:2"
    java = "java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\nCaused by: a.Other\n\t... 3 more"
    lines = [*python.split("\n"), '{"message":"next"}', *node.split("\n"), "next", *java.split("\n"), "next"]
    found = rows("json", *lines)
    assert [row["body"] for row in found] == [python, "next", node, "next", java, "next"]
    assert [row["severity"] for row in found] == [ERROR, INFO, ERROR, INFO, ERROR, INFO]


def test_a_record_waits_for_its_other_lines() -> None:
    source = LogSource("key", "till", "file", "/log", "plain")
    lines = [b"one", b"two", b"  of two"]
    table, used = Parser(source).parse(lines, NOW, final=False)
    assert (table.num_rows if table else 0, used) == (1, 1)
    table, used = Parser(source).parse(lines, NOW, final=True)
    assert (table.num_rows if table else 0, used) == (2, 3)


def test_the_proxy_speaks_for_the_services_behind_it() -> None:
    line = (
        r'{"ts":"2026-11-25T21:05:33.010Z","level":"warn","service":"sales","message":"GET \/x 503",'
        r'"method":"GET","path":"\/x","status":503,"duration_ms":12,"bytes":141,"subject":"u-1","end":"LR--",'
        r'"request_id":"20fc012c-84be-462d-996a-7c67d9735e1c","trace_id":"' + TRACE + '"}'
    )
    [row, own] = rows("haproxy", line, "[WARNING]  (1002) : Server inventory/inventory-1 is DOWN.")
    assert (row["service"], row["severity"], row["path"], row["duration_ms"]) == ("sales", WARN, "/x", 12.0)
    assert row["attributes"]["user.id"] == "u-1"
    assert (own["service"], own["severity"]) == ("till", WARN)
    assert own["body"] == "Server inventory/inventory-1 is DOWN."


@pytest.mark.parametrize("stamp", ['"2026-11-25T21:05:32.250Z"', "1795640732.250", '"1795640732.250"'])
def test_the_edge_names_times_and_traces_its_own_way(stamp: str) -> None:
    parent = f"00-{TRACE}-{SPAN}-01"
    access = (
        f'{{"ts":{stamp},"level":"info","message":"GET / 200","method":"GET","path":"/","status":200,'
        f'"duration_s":0.075,"agent":"curl","traceparent":"{parent}"}}'
    )
    error = (
        "2026/11/25 21:05:34 [error] 7#7: *12 connect() failed (111: Connection refused) while connecting "
        'to upstream, client: 10.0.0.1, server: _, request: "GET /a?b=1 HTTP/1.1", host: "erp"'
    )
    [row, failed] = rows("nginx", access, error)
    assert (row["time"], row["duration_ms"]) == (at("2026-11-25T21:05:32.250"), 75.0)
    assert (row["trace_id"], row["span_id"]) == (TRACE, SPAN)
    assert row["attributes"] == {"user_agent.original": "curl"}
    assert (failed["severity"], failed["method"], failed["path"]) == (ERROR, "GET", "/a")
    assert (failed["time"], failed["attributes"]["client.address"]) == (at("2026-11-25T21:05:34"), "10.0.0.1")


def test_what_postgresql_says_in_many_lines_is_one_record() -> None:
    head = "2026-11-25 21:05:31.{} UTC [{}-{}] {} sales@nexus/app one "
    found = rows(
        "postgres",
        head.format("100", 7, 1, "42601") + "ERROR:  syntax error",
        head.format("200", 8, 1, "00000") + "LOG:  duration: 612.345 ms  statement: SELECT 1,",
        "\t2",
        head.format("101", 7, 2, "42601") + "DETAIL:  near x",
        head.format("101", 7, 3, "42601") + "STATEMENT:  SELEC",
        "\tone",
        "2026-11-25 21:05:31.300 UTC [9-1] 00000 FATAL:  the end",
        "2026-11-25 21:05:31.300 UTC [9] a@b LOG:  the older prefix",
        "not a line of its own",
    )
    assert [row["body"] for row in found] == [
        *("syntax error", "slow statement: SELECT 1, 2", "the end", "the older prefix"),
        "not a line of its own",
    ]
    assert [row["severity"] for row in found] == [ERROR, INFO, FATAL, INFO, INFO]
    assert found[0]["attributes"]["db.query.text"] == "SELEC\none"
    assert found[0]["attributes"]["detail"] == "near x"
    assert found[0]["attributes"]["application"] == "app one"
    assert found[0]["attributes"]["db.response.status_code"] == "42601"
    assert found[1]["duration_ms"] == pytest.approx(612.345)
    assert found[1]["attributes"]["db.query.text"] == "SELECT 1,\n2"
    assert found[2]["time"] == at("2026-11-25T21:05:31.300")


def test_postgresqls_json_is_the_same_record() -> None:
    line = {
        **{"timestamp": "2026-11-25 21:48:32.738 UTC", "user": "sales", "dbname": "nexus", "pid": 7},
        **{"error_severity": "LOG", "message": "duration: 602.5 ms  execute a: SELECT $1", "txid": 0},
        **{"session_id": "x", "state_code": "00000", "backend_type": "client backend", "query_id": 5},
    }
    [row] = rows("postgres", orjson.dumps(line))
    assert (row["time"], row["duration_ms"]) == (at("2026-11-25T21:48:32.738"), 602.5)
    assert (row["body"], row["severity"]) == ("slow statement: SELECT $1", INFO)
    assert row["attributes"] == {
        **{"process.pid": 7, "user.name": "sales", "db.namespace": "nexus", "backend": "client backend"},
        **{"query_id": 5, "db.query.text": "SELECT $1"},
    }


def test_valkeys_lines_are_understood() -> None:
    [row, odd] = rows(
        "valkey",
        "933:M 25 Nov 2026 21:05:31.449 # WARNING Memory overcommit must be enabled!",
        "933:signal-handler (1795640918) Received SIGTERM scheduling shutdown...",
    )
    assert (row["time"], row["severity"]) == (at("2026-11-25T21:05:31.449"), WARN)
    assert row["attributes"] == {"process.pid": 933, "role": "primary"}
    assert odd["body"].startswith("933:signal-handler")


def test_the_platforms_own_lines_have_a_level_and_this_machines_time() -> None:
    [row] = rows("plain", "2026-11-25 19:41:36,233 WARNING control loop ends", service="control")
    assert (row["severity"], row["body"]) == (WARN, "control loop ends")
    assert row["time"] == datetime(2026, 11, 25, 19, 41, 36, 233_000).astimezone(UTC)


def test_long_lines_are_cut_and_say_so() -> None:
    [row, after] = rows("json", b'{"message":"' + b"x" * (10 << 20), b'{"message":"after"}')
    assert len(row["body"]) == LONGEST
    assert row["attributes"] == {"cut": True}
    assert after["body"] == "after"


def test_secrets_do_not_pass() -> None:
    found = rows(
        "json",
        orjson.dumps(
            {"message": "x", "password": "hunter2", "deep": {"token": "abc"}, "path": "/c/52998224725"}
        ),
        "password=hunter2",
    )
    assert "hunter2" not in str(found)
    assert found[0]["attributes"] == {"password": "[masked:password]", "deep": {"token": "[masked:token]"}}
    assert found[0]["path"] == "/c/[masked:cpf]"


@given(
    st.sampled_from(["json", "haproxy", "nginx", "postgres", "valkey", "plain"]),
    st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), max_size=20),
)
def test_junk_becomes_text_and_nothing_fails(format: str, lines: list[bytes]) -> None:
    found = rows(format, *lines)
    assert len(found) <= len(lines)


json_value = st.one_of(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    st.sampled_from([[], {}, [1, "a"], {"b": [None]}]),
)
keys = st.sampled_from(
    "ts level service instance message trace_id span_id method path route status ms".split()
)


@settings(max_examples=60)
@given(
    st.sampled_from(["json", "haproxy", "nginx", "postgres"]),
    st.lists(st.dictionaries(keys | st.text(max_size=4), json_value, min_size=1, max_size=4), max_size=4),
)
def test_any_json_is_one_row_a_line(format: str, lines: list[dict[str, Any]]) -> None:
    assert len(rows(format, *(json.dumps(line) for line in lines))) == len(lines)


def test_deep_json_is_kept() -> None:
    [row] = rows("json", b'{"message":"m","deep":' + b"[" * 500 + b"]" * 500 + b"}")
    assert (row["body"], row["attributes"]["deep"]) == ("m", "[" * 500 + "]" * 500)
