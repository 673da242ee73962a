"""What the guard asks: how two sides answered, and how the business does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nexus.business.probing.identity import new_trace_id
from nexus.control.collector.answers import ANSWERS, Asked, Subject
from nexus.control.collector.tests.material import ago, answer, keep, line, point
from nexus.telemetry.store import Store

ANA, BIA = "01a21487-2c17-7617-92b5-90925d26aa2e", "01a21487-2c17-7617-92b5-90925d26aaff"
ORDER = "01a21487-9999-7617-92b5-90925d26aa2e"
LASTED = ("errors_lasted", "refusals_lasted", "slow_lasted")
NOTHING = {"requests": 0, "errors": 0, "refusals": 0, "timed": 0, "slow": 0, "calls_failed": 0}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "telemetry")
    yield found
    found.close()


def access(
    backend: str,
    before: float,
    status: int = 200,
    ms: float = 10.0,
    path: str = "/api/sales/orders",
    **more: Any,
) -> dict[str, Any]:
    """A line of the gateway's access log."""
    told = {"backend": backend, "end": more.pop("end", "----"), "client.address": "10.0.0.1", "user.id": "-"}
    told |= more.pop("attributes", {})
    usual: dict[str, Any] = {"service": "gateway", "method": "GET", "path": path, "status": status}
    return line(f"GET {path} {status}", before, **usual, duration_ms=ms, attributes=told, **more)


def sides(store: Store, **asked: str) -> dict[str, Any]:
    usual = {"service": "sales", "gateway": "gateway", "stable": "sales", "candidate": "sales.next"}
    return ANSWERS["/evidence"](Subject(store), Asked.of({**usual, "since": ago(60).isoformat(), **asked}))


def counts(side: dict[str, Any]) -> dict[str, int]:
    return {name: side[name] for name in NOTHING}


def test_requests_are_told_apart_by_what_stood_behind_the_gateway(store: Store) -> None:
    rows = [access("sales", 30, 200), access("sales", 20, 500), access("sales.next", 20, 503)]
    rows += [access("sales.next", 20, 404), access("crm", 20, 500), access("gateway", 20, 401)]
    rows += [access("sales.next", 20, 429), access("sales.next", 90, 500)]  # too many; before the step
    keep(store, "logs", rows)
    told = sides(store)
    assert counts(told["stable"]) == NOTHING | {"requests": 2, "errors": 1}
    assert counts(told["candidate"]) == NOTHING | {"requests": 3, "errors": 1, "refusals": 1}


def test_an_answer_that_broke_off_is_an_error_and_a_client_that_left_is_nothing(store: Store) -> None:
    rows = [access("sales.next", 20, 200, end="SD--"), access("sales.next", 20, -1, end="CD--")]
    keep(store, "logs", [*rows, access("sales.next", 20, 200)])
    assert counts(sides(store)["candidate"]) == NOTHING | {"requests": 2, "errors": 1}


def test_requests_of_probes_do_not_count(store: Store) -> None:
    keep(store, "logs", [access("sales.next", 20, 500, trace_id=new_trace_id()), access("sales.next", 20)])
    assert counts(sides(store)["candidate"]) == NOTHING | {"requests": 1}


def test_a_request_is_slow_by_what_its_own_route_usually_takes(store: Store) -> None:
    fast, slow = f"/api/sales/orders/{ORDER}", "/api/sales/report"
    rows = [
        access("sales", 30 - i, 200, ms, path) for i in range(25) for path, ms in ((fast, 10), (slow, 900))
    ]
    rows += [access("sales.next", 9 - i, 200, 300, path) for i in range(5) for path in (fast, slow)]
    keep(store, "logs", rows)
    candidate = sides(store)["candidate"]
    # The first request on each route warms up; 300 ms are much for one route and little for the other.
    assert (candidate["timed"], candidate["slow"]) == (8, 4)
    assert candidate["p95_ms"] == 300


def test_nothing_is_slow_while_nobody_knows_what_is_usual(store: Store) -> None:
    keep(
        store, "logs", [access("sales", 30, 200, 5), *(access("sales.next", 9, 200, 5000) for _ in range(9))]
    )
    assert sides(store)["candidate"]["timed"] == 0


def test_for_how_long_requests_failed_is_told(store: Store) -> None:
    rows = [access("sales.next", at, 500) for at in (30.0, 29.5, 20.0)]
    rows += [access("sales.next", at) for at in (28.0, 10.0)]
    keep(store, "logs", [*rows, access("sales.next", 10, 404), access("sales", 30)])
    told = sides(store)
    assert 8 <= told["candidate"]["errors_lasted"] <= 12
    assert [told["candidate"][name] for name in LASTED[1:]] == [0, 0]
    assert [told["stable"][name] for name in LASTED] == [0, 0, 0]


def test_how_far_taking_in_the_access_log_is_behind_is_told(store: Store) -> None:
    sources = {
        "1": {"service": "gateway", "behind_seconds": 12.5},
        "2": {"service": "gateway", "behind_seconds": 0.0},
        "3": {"service": "crm", "behind_seconds": 99.0},
    }
    usual = {"service": "sales", "gateway": "gateway", "stable": "sales", "candidate": "sales.next"}
    asked = Asked.of({**usual, "since": ago(60).isoformat()})
    subject = Subject(store, parts=lambda: {"logs": {"sources": sources}})
    assert ANSWERS["/evidence"](subject, asked)["behind"] == 12.5
    assert sides(store)["behind"] == 0


def test_a_user_who_sticks_to_a_side_counts_once(store: Store) -> None:
    ana, bia = {"user.id": ANA}, {"user.id": BIA}
    rows = [access("sales.next", 20, 500, path=f"/api/sales/orders/{ORDER}", attributes=ana)]
    rows += [access("sales.next", 20, 500, attributes=ana) for _ in range(5)]
    keep(store, "logs", [*rows, access("sales.next", 20, attributes=bia), access("sales.next", 20)])
    assert counts(sides(store, sticky="1")["candidate"]) == NOTHING | {"requests": 3, "errors": 1}


def test_the_other_side_can_be_the_time_before(store: Store) -> None:
    keep(store, "logs", [access("sales", 120, 500), access("sales", 50), access("sales.next", 20)])
    before = {"stable_since": ago(180).isoformat(), "stable_until": ago(100).isoformat()}
    assert counts(sides(store, **before)["stable"]) == NOTHING | {"requests": 1, "errors": 1}


def test_calls_between_modules_are_known_when_they_fail(store: Store) -> None:
    told = {"backend": "sales.next", "end": "SH--"}
    keep(store, "logs", [line("POST /internal/price 502", 20, status=502, severity=13, attributes=told)])
    assert counts(sides(store)["candidate"]) == NOTHING | {"calls_failed": 1}


def test_the_most_frequent_error_of_the_release_is_named_by_its_exception(store: Store) -> None:
    trouble = "Traceback (most recent call last):\n  File \"x.py\", line 3\nKeyError: 'price'"
    rows = [
        line("unhandled error", 20, severity=17, release="new", attributes={"exception.stacktrace": trouble})
        for _ in range(3)
    ]
    rows += [line(f"order {n} is lost", 20, severity=17, release="new") for n in range(2)]
    rows += [line("not ours", 20, severity=17, release="old"), line("fine", 20, release="new")]
    keep(store, "logs", rows)
    told = [(each["text"], each["count"]) for each in sides(store, release="new")["messages"]]
    assert told[0] == ("KeyError: 'price'", 3)
    assert (told[1][1], len(told)) == (2, 2)


KPIS = (
    {"name": "stuck", "module": "sales", "unit": "count", "better": "lower", "limit": 0},
    {"name": "cash", "module": "financial", "unit": "BRL", "better": "higher", "limit": None},
    {"name": "other", "module": "crm", "unit": "count", "better": "higher", "limit": None},
)
PROCESS = {
    "name": "sell",
    "kpis": ["cash"],
    "steps": [{"module": "sales"}],
    "objectives": [
        {"name": "done", "kind": "facts", "target": 0.99},
        {"name": "works", "kind": "availability", "target": 0.999},
    ],
}


def test_the_business_of_a_module_is_told_before_and_since(store: Store) -> None:
    burn: Any = {"process": "sell", "objective": "done", "window": "5m"}
    rows = [point("nexus_kpi", 0, 90, kpi="stuck", module="sales", unit="count", step="ship")]
    rows += [point("nexus_kpi", 4, 20, kpi="stuck", module="sales", unit="count", step="ship")]
    rows += [point("nexus_kpi", 10, 90, kpi="cash", module="financial", unit="BRL")]
    rows += [point("nexus_kpi", 1, 90, kpi="other", module="crm", unit="count")]
    rows += [
        point("nexus_burn_rate", 2, 20, **burn),
        point("nexus_burn_rate", 2, 20, **{**burn, "window": "1h"}),
    ]
    rows += [point("nexus_burn_rate", 9, 20, **{**burn, "objective": "works"})]
    rows += [point("nexus_probe_run", -1, 80, probe="buy", step="reserve", process="sell")]
    keep(store, "business", rows)
    told = {"broken": ["stuck"], "numbers": {"stuck": 4}}
    keep(store, "health", [answer("business", True, 90), answer("business", False, 20, told)])
    subject = Subject(store, KPIS, {"sell": PROCESS})
    found = ANSWERS["/evidence/progress"](
        subject, Asked.of({"module": "sales", "since": ago(60).isoformat()})
    )
    figures = {each["name"]: (each["before"], each["now"]) for each in found["figures"]}
    assert figures == {"cash": ([10], []), "stuck (ship)": ([0], [4]), "sell/done": ([], [2])}
    assert found["health"] == {"before": [True], "now": [False], "why": "stuck = 4"}
    assert found["probes"] == {"buy": ["reserve"]}


def test_what_containers_used_is_told_by_instance(store: Store) -> None:
    who: Any = {"service": "sales", "instance": "sales-next-1"}
    at = ago(10)
    rows = [point(f"container_{name}", value, **who) for name, value in (
        ("cpu_usage_seconds_total", 3), ("memory_working_set_bytes", 99)
    )]  # fmt: skip
    keep(store, "metrics", [row | {"time": at} for row in rows])
    since = (at - timedelta(seconds=5)).isoformat()
    found = ANSWERS["/evidence/progress"](
        Subject(store, (), {}), Asked.of({"module": "sales", "since": since})
    )
    assert found["usage"] == {"sales-next-1": [[at.timestamp(), 3, 99]]}
    assert found["memory_before"] is None


def test_the_most_memory_that_an_instance_used_before_is_told(store: Store) -> None:
    rows = [
        point("process_resident_memory_bytes", bytes, before, service=service, instance=f"{service}-1")
        for service, bytes, before in (
            ("sales", 70, 60),
            ("sales", 90, 50),
            ("sales", 99, 5),
            ("crm", 99, 60),
        )
    ]
    keep(store, "metrics", rows)
    asked = Asked.of({"module": "sales", "since": ago(20).isoformat()})
    assert ANSWERS["/evidence/progress"](Subject(store, (), {}), asked)["memory_before"] == 90
