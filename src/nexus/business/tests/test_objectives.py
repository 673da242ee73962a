from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest

from nexus.business.access import failed_at_edge
from nexus.business.figures import Figures
from nexus.business.objectives import Objectives
from nexus.stack import Objective, Process, Step
from nexus.telemetry.records import LOGS
from nexus.telemetry.store import Policy, Store, StoreFull
from nexus.telemetry.targets import ServiceTarget, Targets

NOW = datetime.now(UTC).timestamp() // 60 * 60 + 30.0
AVAILABILITY = Objective("availability", {}, "availability", 0.9, None, "", ())
LATENCY = Objective("latency", {}, "latency", 0.5, 0.8, "", ())
QUOTE = Step("quote", "sales", {}, ("POST /orders",))
CONFIRM = Step("confirm", "sales", {}, ("POST /orders/{id}/confirm",))
CASH = Process("cash", {}, (QUOTE, CONFIRM), "", (), (AVAILABILITY, LATENCY))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "telemetry")
    yield store
    store.close()


def target(name: str, kind: str) -> ServiceTarget:
    return ServiceTarget(name, kind, "haproxy", 1, "", "", "", "", "")


def watching(store: Store, process: Process = CASH) -> Objectives:
    objectives = Objectives(store, Figures(store))
    services = (target("gateway", "gateway"), target("nginx", "edge"))
    objectives.aim(Targets("s", "/", "process", services=services, processes={"cash": asdict(process)}))
    return objectives


def happened(store: Store, *requests: dict[str, Any]) -> None:
    """Lines of access logs; each says what differs from a quotation that succeeds at the gateway, now."""
    usual = {
        "time": NOW,
        "severity": 9,
        "service": "gateway",
        "method": "POST",
        "path": "/orders",
        "status": 200,
        "duration_ms": 10.0,
        "attributes": "",
        "trace_id": None,
    }
    rows = [{**usual, **request} for request in requests]
    for row in rows:
        row["observed"] = datetime.fromtimestamp(row.get("observed", NOW), UTC)
        row["time"] = datetime.fromtimestamp(row["time"], UTC)
        for name in LOGS.names:
            row.setdefault(name, None if LOGS.field(name).nullable else "")
    store.append("logs", pa.Table.from_pylist(rows, schema=LOGS))


def counted(objectives: Objectives, objective: str, window: str = "5m") -> tuple[int, int]:
    """The events of a window that ends at `NOW`, however long the tests before this one took."""
    return objectives.window("cash", objective, window, at=NOW)


async def test_what_users_got_is_counted_once_by_objective_and_step(store: Store) -> None:
    objectives = watching(store)
    happened(
        store,
        {},
        {"duration_ms": 900.0},
        {"status": 422},
        {"status": 503, "path": "/orders/7/confirm"},
        {"status": 429},
        {"path": "/elsewhere", "status": 500},
        {"service": "sales", "status": 500},
        {"method": None, "status": None},
    )
    for _ in range(2):
        await objectives.look(NOW)
        assert counted(objectives, "availability") == (3, 4)
        assert counted(objectives, "latency") == (2, 3)
    assert objectives.window("cash", "availability", "1h", "confirm", at=NOW) == (0, 1)
    happened(store, {})
    await objectives.look(NOW + 10)
    assert counted(objectives, "availability") == (4, 5)


async def test_after_a_restart_counting_goes_on_where_it_was(store: Store, tmp_path: Path) -> None:
    first = watching(store)
    happened(store, {}, {"status": 500})
    await first.look(NOW)
    happened(store, {})
    store.close()
    again = Store(tmp_path / "telemetry")
    second = watching(again)
    await second.look(NOW + 10)
    assert [counted(second, "availability", window) for window in ("5m", "3d", "28d")] == [(2, 3)] * 3
    totals = {point.name: point.value for point in second.latest() if "availability" in point.labels}
    assert (totals["nexus_sli_good_total"], totals["nexus_sli_events_total"]) == (2, 3)
    again.close()


async def test_what_could_not_be_kept_is_counted_when_it_can(store: Store) -> None:
    objectives = watching(store)
    await objectives.look(NOW)
    happened(store, {}, {"status": 500})
    usual, store.policy = store.policy, Policy(reserve=2**60)
    with pytest.raises(StoreFull):
        await objectives.look(NOW + 10)
    assert counted(objectives, "availability") == (0, 0)
    store.policy = usual
    await objectives.look(NOW + 20)
    assert counted(objectives, "availability") == (1, 2)
    assert counted(watching(store), "availability") == (0, 0)


async def test_late_lines_fall_into_their_minute_and_clocks_that_run_ahead_into_ours(store: Store) -> None:
    objectives = watching(store)
    happened(store, {"time": NOW - 3600 * 2.5, "status": 500}, {"time": NOW + 9e6})
    await objectives.look(NOW)
    assert counted(objectives, "availability", "2h") == (1, 1)
    assert counted(objectives, "availability", "6h") == (1, 2)
    assert counted(objectives, "availability", "28d") == (1, 2)


async def test_what_never_reached_the_gateway_is_counted_from_the_edge(store: Store) -> None:
    objectives = watching(store)
    seen, lost = "a" * 32, "b" * 32
    happened(
        store,
        {"service": "nginx", "status": 502, "trace_id": lost},
        {"service": "nginx", "status": 503, "trace_id": seen},
        {"service": "nginx", "status": 200, "trace_id": "c" * 32},
    )
    await objectives.look(NOW)
    assert counted(objectives, "availability") == (0, 2)
    happened(store, {"status": 503, "trace_id": seen})  # the gateway's line comes later
    await objectives.look(NOW + 10)
    assert counted(objectives, "availability") == (0, 2)
    assert counted(watching(store), "availability") == (0, 0)


def numbered(request: str, **more: Any) -> dict[str, Any]:
    """A line of a request with an id of its own, of a trace that holds several."""
    attributes = f'{{"client":"::1","request_id":"{request}"}}'
    return {"trace_id": "a" * 32, "attributes": attributes, **more}


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("first", ["gateway", "nginx"])
async def test_a_request_that_both_log_is_one_event_and_bad_when_its_user_got_nothing(
    store: Store, first: str, apart: bool
) -> None:
    objectives = watching(store)
    edge = [
        numbered("1", service="nginx", status=504, duration_ms=65_000.0, path="/orders/7 8/confirm"),
        numbered("2", service="nginx", status=499, duration_ms=7_000.0),
        numbered("3", service="nginx", status=499, duration_ms=80.0),
        numbered("4", service="nginx", status=503),
        numbered("5", service="nginx", status=502),
    ]
    gateway = [
        numbered("1", path="/orders/7%208/confirm"),
        numbered("2"),
        numbered("3"),
        numbered("4", status=503),
        numbered("5", path="/elsewhere"),
    ]
    batches = [gateway, edge] if first == "gateway" else [edge, gateway]
    happened(store, *batches[0])
    if apart and first == "nginx":
        await objectives.look(NOW)
    happened(store, *batches[1])
    for turn in range(3):
        await objectives.look(NOW + 10 * turn)
        assert counted(objectives, "availability") == (
            1,
            5,
        )  # the third left before there was anything to say
        assert counted(objectives, "latency") == (1, 1)


def test_a_failure_at_the_edge_is_looked_for_in_the_files_of_its_time_alone(store: Store) -> None:
    happened(store, numbered("1", service="nginx", status=503))
    with patch.object(store, "days", wraps=store.days) as days:
        lines, _ = failed_at_edge(store, ("nginx",), ("gateway",), 0, 1)
    assert [line.request for line in lines] == ["1"]
    since, until = days.call_args.args[1:]
    assert since.timestamp() < NOW < until.timestamp() < since.timestamp() + 600


async def test_the_status_says_what_fails_where_and_what_is_spent(store: Store) -> None:
    objectives = watching(store)
    await objectives.look(NOW)
    told = objectives.status()["cash"]
    assert (told["state"], told["worst_step"], told["failing_share"]) == ("no data", None, None)
    assert told["objectives"][0]["budget_remaining"] is None
    happened(store, *[{}] * 18, *[{"path": "/orders/7/confirm", "status": 500}] * 2)
    await objectives.look(NOW)
    told = objectives.status()["cash"]
    availability, latency = told["objectives"]
    assert (availability["good"], availability["events"], availability["indicator"]) == (18, 20, 0.9)
    assert availability["burn_rates"]["1h"] == pytest.approx(1.0)  # 10 % bad of 10 % allowed
    assert availability["budget_remaining"] == pytest.approx(0.0)
    assert latency["budget_remaining"] == pytest.approx(1.0)
    assert told["worst_step"] == "confirm"
    assert told["failing_share"] == pytest.approx(0.1)
    assert told["steps"][1]["availability"] == {"good": 0, "events": 2, "indicator": 0.0}


async def test_an_objective_that_burns_fast_makes_its_process_failing_or_slow(store: Store) -> None:
    strict = replace(CASH, objectives=(replace(AVAILABILITY, target=0.999), replace(LATENCY, target=0.95)))
    objectives = watching(store, strict)
    happened(store, *[{"duration_ms": 5000.0}] * 9)
    await objectives.look(NOW)
    assert objectives.status()["cash"]["state"] == "slow"
    happened(store, {"status": 500})
    await objectives.look(NOW)
    assert objectives.status()["cash"]["state"] == "failing"


async def test_with_a_low_target_a_process_fails_when_nearly_nothing_succeeds(store: Store) -> None:
    objectives = watching(store, replace(CASH, objectives=(replace(AVAILABILITY, target=0.8),)))
    happened(store, *[{}] * 2, *[{"status": 500}] * 8)
    await objectives.look(NOW)
    assert objectives.status()["cash"]["state"] == "spent"
    happened(store, *[{"status": 500}] * 10)  # 90 % bad
    await objectives.look(NOW)
    assert objectives.status()["cash"]["state"] == "failing"
