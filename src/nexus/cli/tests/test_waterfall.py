"""The waterfall of a trace, compared letter by letter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nexus.cli.paint import Paint
from nexus.cli.spans import time_by_service, traces
from nexus.cli.waterfall import Waterfall

AT = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
HEAD = AT.astimezone().strftime("%d/%m %H:%M:%S.000")
TRACE = "a" * 32


def span(
    name: str,
    parent: str | None,
    service: str,
    start: float,
    ms: float,
    kind: str = "internal",
    **changed: Any,
) -> dict[str, Any]:
    usual = {
        "time": (AT + timedelta(milliseconds=start)).isoformat(),
        "duration_us": round(ms * 1000),
        "trace_id": TRACE,
        "span_id": name,
        "parent_id": parent,
        "service": service,
        "name": name,
        "kind": kind,
        "status": "unset",
        "attributes": {},
        "events": [],
        "links": [],
    }
    return usual | changed


ORDER = [
    span("POST /orders", None, "sales", 0, 40, "server", attributes={"http.response.status_code": 201}),
    span("check customer", "POST /orders", "crm", 5, 10),
    span("order.confirmed", "POST /orders", "sales", 38, 2, "producer"),
    span("handle order", "order.confirmed", "stock", 80, 20, "consumer"),
    span(
        "handle too",
        "order.confirmed",
        "books",
        60,
        10,
        "consumer",
        status="error",
        events=[{"name": "exception", "attributes": {"exception.message": "no such account"}}],
    ),
]


def test_a_trace_is_drawn_as_a_waterfall() -> None:
    (trace,) = traces(ORDER)
    assert "\n".join(Waterfall(Paint(False), 76).draw(trace)) == (
        f"trace {TRACE}  {HEAD}  100 ms  5 spans  1 failed\n"
        "sales POST /orders        ██████████                             40 ms 201\n"
        "crm     check customer     ███                       +5.0 ms     10 ms\n"
        "sales   ⇠ order.confirmed          █                  +38 ms    2.0 ms\n"
        "books     ⇢ handle too             ┄┄┄┄┄▒▒▒           +60 ms     10 ms error\n"
        "          no such account\n"
        "stock     ⇢ handle order           ┄┄┄┄┄┄┄┄┄┄█████    +80 ms     20 ms"
    )


def test_the_critical_path_is_what_the_end_waited_for() -> None:
    (trace,) = traces(ORDER)
    assert trace.critical == {"POST /orders", "check customer", "order.confirmed", "handle order"}
    assert trace.waited == 40_000


def test_work_is_counted_once_for_the_service_that_did_it() -> None:
    assert time_by_service(traces(ORDER)) == {
        "sales": 30_000,
        "stock": 20_000,
        "crm": 10_000,
        "books": 10_000,
    }


def test_log_lines_stand_at_their_span() -> None:
    note = {"time": AT.isoformat(), "severity": 17, "service": "books", "body": "event parked\nmore"}
    note |= {"trace_id": TRACE, "span_id": "handle too"}
    (trace,) = traces(ORDER)
    lines = Waterfall(Paint(False), 76, [note]).draw(trace)
    assert lines[6] == f"    {HEAD} books error: event parked"


def test_several_traces_come_in_the_order_of_their_starts() -> None:
    later = span("GET /orders", None, "sales", 500, 5, trace_id="b" * 32)
    assert [trace.id for trace in traces([later, *ORDER])] == [TRACE, "b" * 32]


def test_spans_whose_parents_are_missing_or_circular_are_drawn_all_the_same() -> None:
    circle = [span("a", "b", "x", 0, 1), span("b", "a", "x", 0, 1), span("c", "gone", "x", 5, 1)]
    (trace,) = traces(circle)
    assert sorted(each.id for each in trace.spans) == ["a", "b", "c"]
    assert len(Waterfall(Paint(False), 80).draw(trace)) == 4
