"""Telemetry of the whole ERP, through the commands: everything arrives, once, whatever ends meanwhile."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from nexus.testing import ThrowawayStack, eventually, throwaway_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

SERVICES = {
    *("auth", "users", "crm", "sales", "inventory", "financial", "frontend"),
    *("gateway", "nginx", "postgres", "redis", "control"),
}
COLLECTOR = "control-collector"
EVERY = 2.0  # seconds from one question by a command to the next


@pytest.fixture(scope="module")
def erp() -> Iterator[ThrowawayStack]:
    with throwaway_stack() as stack:
        stack.nexus("simulate", "--orders", "20", "--seed", "3", "--cancel-share", "0")
        yield stack


def rows(stack: ThrowawayStack, sql: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(stack.nexus("sql", sql, "--json"))
    return answer


def collector(stack: ThrowawayStack) -> int | None:
    instances = stack.service("control")["instances"]
    return next((int(each["pid"]) for each in instances if each["id"] == COLLECTOR), None)


def counted(stack: ThrowawayStack, word: str) -> int:
    """How many lines say `word`."""
    return int(rows(stack, f"SELECT count(*) AS n FROM logs WHERE body LIKE '{word}-%'")[0]["n"])


def say(stack: ThrowawayStack, word: str, first: int, count: int) -> None:
    """The sales module's log gets lines that name themselves."""
    with open(stack.home / "logs" / "sales.log", "ab") as log:
        for number in range(first, first + count):
            line = {"ts": "2026-01-01T00:00:00Z", "level": "info", "message": f"{word}-{number}"}
            log.write(json.dumps(line).encode() + b"\n")


def test_every_service_is_seen_in_logs_metrics_and_health(erp: ThrowawayStack) -> None:
    def silent() -> set[str]:
        return SERVICES - {row["service"] for row in rows(erp, "SELECT DISTINCT service FROM logs")}

    eventually(lambda: not silent(), within=60, every=EVERY)

    def away() -> set[str]:
        samples = json.loads(erp.nexus("metrics", "up", "--json"))["samples"]
        up = {each["labels"]["service"] for each in samples if each["value"] == 1}
        return SERVICES - {"control", "nginx"} - up

    eventually(lambda: not away(), within=60, every=EVERY)
    health = json.loads(erp.nexus("health", "--json"))
    assert {each["service"] for each in health["now"]} >= SERVICES - {"control"}


def test_an_order_is_found_with_its_lines_and_its_trace(erp: ThrowawayStack) -> None:
    sql = "SELECT attributes->>'order_id' AS id FROM logs WHERE body = 'order completed' LIMIT 1"
    order = eventually(lambda: rows(erp, sql), within=60, every=EVERY)[0]["id"]
    lines = [json.loads(line) for line in erp.nexus("logs", "--order", order, "--json").splitlines()]
    assert {line["service"] for line in lines} >= {"nginx", "gateway", "sales", "inventory", "financial"}
    eventually(lambda: "payment.reconciled" in erp.nexus("trace", "--order", order), within=60, every=EVERY)


def test_figures_of_the_business_are_kept_and_shown(erp: ThrowawayStack) -> None:
    def orders_per_minute() -> float:
        kpis = {each["name"]: each for each in json.loads(erp.nexus("kpi", "--json"))["kpis"]}
        values = kpis["orders-per-minute"]["values"]
        return float(values[0]["value"]) if values and values[0]["value"] else 0.0

    assert eventually(orders_per_minute, within=60, every=EVERY) > 0
    shown = erp.nexus("top", "--once")
    assert "Order to cash" in shown


def test_each_line_is_kept_once_although_the_collector_is_killed(erp: ThrowawayStack) -> None:
    for turn in range(3):
        say(erp, "killed", turn * 1000, 500)
        time.sleep(0.3)
        before = eventually(lambda: collector(erp), within=60)
        os.kill(before, signal.SIGKILL)
        say(erp, "killed", turn * 1000 + 500, 500)
        eventually(lambda before=before: collector(erp) not in (None, before), within=60, every=0.2)
    eventually(lambda: counted(erp, "killed") >= 3000, within=60, every=EVERY)
    assert counted(erp, "killed") == 3000
    assert rows(erp, "SELECT count(DISTINCT body) AS n FROM logs WHERE body LIKE 'killed-%'")[0]["n"] == 3000


def test_telemetry_answers_while_the_database_does_not(erp: ThrowawayStack) -> None:
    database = erp.pids()["postgres"][0]
    os.kill(database, signal.SIGSTOP)
    try:
        say(erp, "frozen", 0, 1)
        eventually(lambda: counted(erp, "frozen") == 1, within=60, every=EVERY)
    finally:
        os.kill(database, signal.SIGCONT)


def test_prometheus_reads_everything_with_the_token_and_nothing_without(erp: ThrowawayStack) -> None:
    address = f"http://127.0.0.1:{4318 + erp.offset}/metrics"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(address)
    token = (erp.home / "secrets" / "telemetry" / "metrics_token").read_text().strip()
    question = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})

    def missing() -> set[str]:
        text = urllib.request.urlopen(question).read().decode()
        families = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[:1] != "#"}
        wanted = {
            "up",
            "nexus_kpi",
            "nexus_telemetry_rows",
            "pg_database_size_bytes",
            "haproxy_process_uptime_seconds",
        }
        return wanted - families

    eventually(lambda: not missing(), within=90, every=1.0)


def test_what_was_kept_is_still_told_when_nothing_runs(erp: ThrowawayStack) -> None:
    say(erp, "last", 0, 3)
    erp.nexus("down")
    assert counted(erp, "last") == 3
    assert "last-2" in erp.nexus("logs", "sales", "--grep", "last-2", "--since", "2026-01-01")
    erp.up()
    eventually(lambda: counted(erp, "last") == 3, within=60, every=EVERY)
