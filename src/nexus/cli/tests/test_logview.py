"""Log lines for people, compared letter by letter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nexus.cli.logview import LogView
from nexus.cli.paint import Paint

AT = datetime(2020, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
SHOWN = AT.astimezone().strftime("%d/%m %H:%M:%S.678")
TRACE = "7226d057f9a16c2da7d957812980f891"
STACK = 'Traceback (most recent call last):\n  File "a.py", line 1\n    x()\nValueError: no \x1b[31mx'


def row(**changed: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"time": AT.isoformat(), "observed": AT.isoformat(), "severity": 9}
    usual |= {"service": "sales", "instance": "sales-1", "release": "r1", "body": "started"}
    usual |= dict.fromkeys(("trace_id", "span_id", "method", "path", "route", "status", "duration_ms"))
    return usual | {"attributes": {}} | changed


def drawn(*rows: dict[str, Any], full: bool = False) -> str:
    view = LogView(Paint(False), full)
    view.expect(list(rows))
    return "\n".join(view.draw(each) for each in rows)


def test_a_request_is_one_compact_line() -> None:
    line = row(method="POST", path="/api/sales/orders", status=201, duration_ms=12.3, trace_id=TRACE)
    assert drawn(line | {"attributes": {"client": "::1"}}) == (
        f"{SHOWN} sales info  POST /api/sales/orders 201 12 ms 7226d057"
    )


def test_other_lines_show_their_fields() -> None:
    attributes = {"port": 5005, "reason": "no route to host", "nothing": None}
    assert drawn(row(severity=13, attributes=attributes)) == (
        f'{SHOWN} sales warn  started port=5005 reason="no route to host"'
    )


def test_a_stack_trace_is_folded_to_its_first_and_last_line() -> None:
    assert drawn(row(severity=17, body="event parked", attributes={"exception": STACK})) == (
        f"{SHOWN} sales error event parked\n"
        "    Traceback (most recent call last):\n"
        "    … 2 lines (--full shows them)\n"
        "    ValueError: no \\x1b[31mx"
    )


def test_a_message_of_many_lines_is_folded_too() -> None:
    assert drawn(row(severity=17, body=STACK)).splitlines()[1:] == [
        "    … 2 lines (--full shows them)",
        "    ValueError: no \\x1b[31mx",
    ]


def test_full_shows_every_line_and_the_whole_trace_id() -> None:
    text = drawn(row(body=STACK, trace_id=TRACE), full=True)
    assert text.splitlines()[1:] == [
        '      File "a.py", line 1',
        "        x()",
        "    ValueError: no \\x1b[31mx",
    ]
    assert text.splitlines()[0].endswith(TRACE)


def test_writers_are_aligned_and_instances_named_where_there_are_several() -> None:
    assert drawn(row(), row(instance="sales-2"), row(service="crm", instance="crm-1")) == (
        f"{SHOWN} sales-1 info  started\n{SHOWN} sales-2 info  started\n{SHOWN} crm     info  started"
    )
