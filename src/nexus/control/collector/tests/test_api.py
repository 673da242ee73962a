"""The collector's API, asked over a Unix socket on a store with rows."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from nexus.control.collector.api import application
from nexus.control.collector.tests.material import (
    ORDER,
    TRACE,
    Collecting,
    ago,
    answer,
    keep,
    line,
    point,
    span,
)
from nexus.telemetry.store import Store
from nexus.telemetry.targets import Targets

KPI = {
    "name": "stuck",
    "module": "sales",
    "title": {"en": "Stuck"},
    "unit": "count",
    "better": "lower",
    "limit": 0,
    "every": 10.0,
}
OBJECTIVE = {"name": "speed", "title": {"en": "Speed"}, "target": 0.99}
PROCESS = {"name": "sell", "title": {}, "kpis": ["stuck"], "value": "stuck", "objectives": [OBJECTIVE]}


class Asker:
    """Asks the API of a collector."""

    def __init__(self, session: aiohttp.ClientSession, store: Store) -> None:
        self.session = session
        self.store = store

    async def get(self, path: str, **parameters: Any) -> Any:
        async with self.session.get(f"http://x{path}", params=parameters) as answered:
            assert answered.status == 200, await answered.text()
            return await answered.json()

    async def bodies(self, **parameters: Any) -> list[str]:
        return [row["body"] for row in (await self.get("/logs", **parameters))["rows"]]


@pytest.fixture(scope="module")
async def asker() -> AsyncIterator[Asker]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "telemetry")
        _fill(store)
        targets = Targets("shop", "/", "process", kpis=(KPI,), processes={"sell": PROCESS})
        source = {"service": "crm", "behind_seconds": 12.0}
        collecting = Collecting(store, targets, {"logs": {"sources": {"crm": source}}})
        runner = web.AppRunner(application(collecting))  # type: ignore[arg-type]
        await runner.setup()
        await web.UnixSite(runner, f"{folder}/s").start()
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(f"{folder}/s")) as session:
            yield Asker(session, store)
        await runner.cleanup()
        store.close()


def _fill(store: Store) -> None:
    keep(
        store,
        "logs",
        [
            line("started", 100, service="crm", instance="crm-1"),
            line("order confirmed", 50, trace_id=TRACE, attributes={"order_id": ORDER}),
            line("request", 40, method="GET", path=f"/api/orders/{ORDER}", status=200, duration_ms=3.0),
            line("event parked", 30, service="books", severity=17, trace_id=TRACE, span_id="b" * 16),
            line("no such table: orders", 20, severity=17, attributes={"worker": "dunning"}),
        ],
    )
    keep(
        store,
        "traces",
        [
            span("a" * 16, None, "sales", 50, 40, attributes={"order_id": ORDER}),
            span("b" * 16, "a" * 16, "books", 49, 5, status="error"),
        ],
    )
    keep(store, "metrics", [point("up", 1, before, service="sales") for before in (35, 20, 5)])
    kpis = [
        point("nexus_kpi", float(before), before, kpi="stuck", module="sales", unit="count", step="ship")
        for before in (300, 7)
    ]
    budget = [point("nexus_error_budget_remaining", 0.5, process="sell", objective="speed")]
    burn = [point("nexus_burn_rate", 3.0, process="sell", objective="speed", window="1h")]
    keep(store, "business", [*kpis, *budget, *burn])
    wrong = {"checks": {"database": {"ok": False, "detail": "refused"}, "redis": {"ok": True}}}
    changes = [answer("ready", True, 90), answer("ready", False, 60, wrong), answer("ready", True, 30)]
    broken = {"ok": False, "numbers": {"stuck": 3}, "broken": ["stuck"]}
    keep(store, "health", [*changes, answer("business", False, 20, broken)])
    store.dropped("crm", "disk full", 7)
    store.tend()


async def test_lines_come_across_services_in_the_order_of_time(asker: Asker) -> None:
    found = await asker.get("/logs")
    assert [row["service"] for row in found["rows"]] == ["crm", "sales", "sales", "books", "sales"]
    assert found["rows"][1]["attributes"] == {"order_id": ORDER}
    assert found["rows"][0]["time"].endswith("Z")


@pytest.mark.parametrize(
    ("parameters", "bodies"),
    [
        ({"service": "crm"}, ["started"]),
        ({"level": "warning"}, ["event parked", "no such table: orders"]),
        ({"grep": "table: or.*s$"}, ["no such table: orders"]),
        ({"where": "worker=dunning"}, ["no such table: orders"]),
        ({"trace": TRACE[:8]}, ["order confirmed", "event parked"]),
        ({"limit": "1"}, ["no such table: orders"]),
        ({"limit": "0"}, []),
        ({"order": "desc", "limit": "2"}, ["no such table: orders", "event parked"]),
    ],
)
async def test_each_parameter_of_logs_chooses(asker: Asker, parameters: Any, bodies: list[str]) -> None:
    assert await asker.bodies(**parameters) == bodies


async def test_a_window_of_time_chooses_lines(asker: Asker) -> None:
    window = {"since": ago(45).isoformat(), "until": ago(25).isoformat()}
    assert await asker.bodies(**window) == ["request", "event parked"]


async def test_lines_of_an_order_are_those_that_name_it_and_those_of_its_traces(asker: Asker) -> None:
    named = ["order confirmed", "request", "event parked"]
    assert await asker.bodies(of=f"order_id={ORDER}") == named
    assert await asker.bodies(of=f"order_id={ORDER}", level="error") == ["event parked"]


async def test_what_is_missing_is_told_with_the_lines(asker: Asker) -> None:
    missing = (await asker.get("/logs"))["missing"]
    assert missing == {"dropped": {"crm": {"disk full": 7}}, "behind": {"crm": 12.0}}
    of_sales = (await asker.get("/logs", service="sales"))["missing"]
    assert of_sales == {"dropped": {}, "behind": {}}


async def test_a_trace_is_found_by_its_first_digits_and_by_an_order(asker: Asker) -> None:
    by_id = await asker.get(f"/trace/{TRACE[:6]}")
    by_order = await asker.get("/traces", of=f"order_id={ORDER}")
    assert by_id["trace_id"] == TRACE
    assert [span["service"] for span in by_id["spans"]] == ["sales", "books"]
    assert by_order["spans"] == by_id["spans"]
    assert by_id["spans"][0]["attributes"] == {"order_id": ORDER}


async def test_metrics_are_asked_in_promql(asker: Asker) -> None:
    now = await asker.get("/metrics/instant", expr="sum(up)")
    assert [(each["labels"], each["value"]) for each in now["samples"]] == [({}, 1.0)]
    ranged = await asker.get("/metrics/query", expr="up", step="15", start=ago(30).isoformat())
    assert ranged["series"][0]["labels"]["service"] == "sales"
    assert {value for _, value in ranged["series"][0]["points"]} == {1.0}
    names = {each["name"]: each["series"] for each in (await asker.get("/metrics/names"))["metrics"]}
    assert names["up"] == 1
    assert "nexus_kpi" in names


async def test_a_kpi_tells_its_value_and_how_it_went(asker: Asker) -> None:
    (kpi,) = (await asker.get("/kpis", since=ago(600).isoformat()))["kpis"]
    (value,) = kpi["values"]
    assert (kpi["title"], kpi["limit"], value["labels"], value["value"]) == (
        {"en": "Stuck"},
        0,
        {"step": "ship"},
        7.0,
    )
    assert [each for each in value["trend"] if each is not None] == [300.0, 7.0]
    history = await asker.get("/kpis/stuck", since=ago(600).isoformat())
    assert [point[1] for point in history["series"][0]["points"]] == [300.0, 7.0]


async def test_a_process_tells_what_is_left_of_its_budgets(asker: Asker) -> None:
    (process,) = (await asker.get("/processes"))["processes"]
    assert process["objectives"] == [{**OBJECTIVE, "budget": 0.5, "burn": {"1h": 3.0}}]
    assert (process["value"], process["unit"]) == (7.0, "count")


async def test_health_tells_what_fails_and_what_changed(asker: Asker) -> None:
    found = await asker.get("/health")
    assert [(row["question"], row["ok"], row["why"]) for row in found["now"]] == [
        ("business", False, "stuck = 3"),
        ("ready", True, ""),
    ]
    assert [(row["question"], row["ok"], row["why"]) for row in found["changes"]] == [
        ("ready", False, "database: refused"),
        ("ready", True, ""),
        ("business", False, "stuck = 3"),
    ]
    assert found["facts"]["store"]["drops"] == {"crm": {"disk full": 7}}


async def test_top_shows_everything_at_once(asker: Asker) -> None:
    found = await asker.get("/top")
    assert found["services"]["sales"]["rate"] == pytest.approx(1 / 60)
    assert found["services"]["books"]["log_errors"] == 1
    assert found["processes"][0]["name"] == "sell"


async def test_sql_is_asked_by_post(asker: Asker) -> None:
    body = {
        "text": "SELECT service, count(*) AS n FROM logs GROUP BY ALL ORDER BY n DESC, service",
        "limit": 2,
    }
    async with asker.session.post("http://x/sql", json=body) as answered:
        found = await answered.json()
    assert found == {"columns": ["service", "n"], "rows": [["sales", 3], ["books", 1]], "full": True}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/logs?since=soon", "since='soon' is not a point of time"),
        ("/logs?level=loud", "level='loud' is not one of trace, debug, info, warn, error, fatal"),
        ("/logs?limit=-1", "limit='-1' is not a whole number from 0 to 100000"),
        ("/logs?where=x", "where='x' is not of the form field=value"),
        ("/logs?grep=(", "("),
        ("/logs?follow=1&of=a=b", "cannot be followed"),
        ("/logs?trace=12", "'12' is no trace id"),
        ("/trace/ffffff", "no trace begins with 'ffffff'"),
        ("/traces", "`of` is missing"),
        ("/metrics/instant?expr=sum(", "sum("),
        ("/metrics/query?expr=up&step=0", "step='0' is not a number above 0"),
        ("/metrics/query?expr=up&step=0.001", "more than 11000 points"),
        ("/kpis/none", "no KPI 'none'; there are: stuck"),
    ],
)
async def test_a_bad_question_is_refused_in_a_sentence(asker: Asker, path: str, said: str) -> None:
    async with asker.session.get(f"http://x{path}") as answered:
        found = await answered.json()
    assert answered.status == 400
    assert found["exit_code"] == 2
    assert said in found["error"]
    assert "text" not in found or found["text"].format(**found["values"]) == found["error"]


async def test_statements_that_write_are_refused(asker: Asker) -> None:
    async with asker.session.post("http://x/sql", json={"text": "DROP TABLE logs"}) as answered:
        assert (answered.status, (await answered.json())["exit_code"]) == (400, 2)


async def test_followed_lines_come_as_they_are_committed(asker: Asker) -> None:
    parameters = {"follow": "1", "limit": "1", "where": "flock=followed"}
    async with asker.session.get("http://x/logs", params=parameters) as answered:
        for number in range(3):
            row = line(f"line {number}", 0, attributes={"flock": "followed"})
            await asyncio.to_thread(keep, asker.store, "logs", [row, line("another", 0, service="other")])
            async with asyncio.timeout(30):
                told = await _next(answered)
            assert told["body"] == f"line {number}"


async def test_following_goes_on_from_a_cursor(asker: Asker) -> None:
    cursor = (await asker.get("/logs"))["cursor"]
    rows = [line(f"later {number}", 0, service="late") for number in range(3)]
    await asyncio.to_thread(keep, asker.store, "logs", rows)
    parameters = {"follow": "1", "after": cursor, "service": "late"}
    async with asker.session.get("http://x/logs", params=parameters) as answered, asyncio.timeout(30):
        assert [(await _next(answered))["body"] for _ in rows] == ["later 0", "later 1", "later 2"]


async def _next(answered: aiohttp.ClientResponse) -> Any:
    """The next row of the log."""
    while True:
        told = json.loads(await answered.content.readline())
        if "cursor" not in told:
            return told
